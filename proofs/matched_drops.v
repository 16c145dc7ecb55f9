(* From an answer of `ertheory width --method drop` (one hidden layer), layer 0 masked and matched, to a theorem.        *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction exact_laws rounding dropped_copies dropped_certificate masked_layer_0.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Drops.
(* Hall's sum is num0 / den at most, and num / den is lost behind layer 0; delta = dnum / dden is their sum *)
Variables (R : realFieldType) (a1 b1 a2 b2 : N) (k m q0 q1 : positive) (num0 num den bits dnum dden : N).
Variables (I J O Z : finType) (p0 : R).
Local Notation K := (ordinal_finType (Pos.to_nat q0)).
Local Notation C := (ordinal_finType (Pos.to_nat q1)).
Let p1 : R := toR R a1 / toR R b1.
Let p2 : R := toR R a2 / toR R b2.
Variables (W1 : J -> I -> R) (W2 : O -> J -> R) (act : R -> R) (c1 : J -> R) (c2 : O -> R) (lo : I -> R).
Variable rep : pred {ffun [finType of [finType of ((J * C) * Z)%type + (O * (J * C))%type] + [finType of Z * I]] -> bool}.
Definition shares_ok : bool := [&& N.ltb 0 dden, N.ltb 0 den & N.eqb ((num0 + num) * dden)%bin (dnum * den)%bin].
Hypothesis shares : shares_ok.
Hypothesis enough : drop_certificate a1 b1 a2 b2 k m num den bits q0 q1.
Hypotheses (z0 : Z) (u0 : 0 <= p0 <= 1) (hall : hall_failure I K Z p0 <= toR R num0 / toR R den).

Let density (a b : N) : (0 <? b)%bin -> (a <=? b)%bin -> 0 <= toR R a / toR R b <= 1.
Proof.
move=> /N.ltb_lt b0 /N.leb_le ab; have bp : 0 < toR R b by exact: (toR_lt R b0).
by rewrite divr_ge0 ?toR_ge0 //= ler_pdivrMr // mul1r; apply: toR_le.
Qed.

Theorem drop_matched_sound : (forall j, fan_in W1 j <= Pos.to_nat k)%N ->
  #|[pred x : O * J | W2 x.1 x.2 != 0]| = Pos.to_nat m ->
  (forall w, represented0 W1 W2 act c1 c2 lo w -> rep w) ->
  1 - toR R dnum / toR R dden <= Pr (all_masked p0 p1 p2) rep.
Proof.
move=> fan weights repP; have /and3P[/N.ltb_lt d1 /N.ltb_lt d2 /N.eqb_spec e] := shares.
have /and3P[/and4P[/and5P[_ b10 ab1 b20 ab2] _ _ _] _ _] := enough.
have lost := drop_bound_le enough fan weights.
have dp1 : toR R dden != 0 by rewrite gt_eqF // (toR_lt R d1).
have dp2 : toR R den != 0 by rewrite gt_eqF // (toR_lt R d2).
have -> : toR R dnum / toR R dden = toR R num0 / toR R den + toR R num / toR R den.
  rewrite -mulrDl; apply/eqP; rewrite eqr_div // -toRM -e toRM; apply/eqP; congr (_ * _).
  by rewrite /rounding.toR N2Nat.inj_add natrD.
exact: (masked_drop u0 (density b10 ab1) (density b20 ab2) repP z0 hall lost).
Qed.
End Drops.
