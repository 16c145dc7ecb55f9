(* One copy less where layer 0 is matched: what Hall's sum is at most, taken off the law, leaves it below 1 - delta.      *)
From Coq Require Import NArith PArith.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction theorem_2_2 rounding certificates.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Minimal.
(* as in `certificates`; num0 / den0 is taken off *)
Variables (cm : nat -> positive) (ra rb : nat -> N) (num den bits num0 den0 : N).
Let S : N := (2 ^ bits)%bin.
Definition too_little_left (cq : nat -> positive) (L : nat) : bool :=
  [&& N.leb num0 den0, N.ltb 0 den0, N.ltb 0 den, N.leb num den, sane_up ra rb bits cq L &
    N.ltb ((den0 - num0) * plan_up cm ra rb bits cq L * den)%bin ((den - num) * S * den0)%bin].
Definition minimal_left (cq : nat -> positive) (L : nat) : bool :=
  all (fun i => Pos.eqb (cq i) 1 || too_little_left (fewer i cq) L) (iota 0 L).

Variable R : realFieldType.
Let r l : R := toR R (ra l) / toR R (rb l).
Let m l := Pos.to_nat (cm l).
Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR R S. Proof. exact: (toR_lt R S0). Qed.

Lemma too_little_leftP cq L : too_little_left cq L ->
  (1 - toR R num0 / toR R den0) * success r m (fun l => Pos.to_nat (cq l)) L < 1 - toR R num / toR R den.
Proof.
move=> /and5P[h0 d0 dd nd /andP[sn /N.ltb_lt lt]].
have dp : 0 < toR R den by have /N.ltb_lt/(toR_lt R) := dd.
have d0p : 0 < toR R den0 by have /N.ltb_lt/(toR_lt R) := d0.
have := plan_upP cm R sn; rewrite -/S; set X := success _ _ _ _; set u := plan_up _ _ _ _ _ _ => law.
rewrite !ratio_rest // ltr_pdivlMr // -(ltr_pM2r d0p) -(ltr_pM2r s0).
have -> : toR R (den0 - num0)%bin / toR R den0 * X * toR R den * toR R den0 * toR R S =
    toR R (den0 - num0)%bin * (X * toR R S) * toR R den by field; rewrite gt_eqF.
apply: (@le_lt_trans _ _ (toR R ((den0 - num0) * u * den)%bin)).
  by rewrite !toRM ler_wpM2r ?toR_ge0 // ler_wpM2l ?toR_ge0.
by apply: lt_le_trans (toR_lt R lt) _; rewrite !toRM le_eqVlt; apply/orP; left; apply/eqP; exact: mulrAC.
Qed.

Theorem plan_minimal_left cq L : minimal_left cq L -> forall i, (i < L)%N -> (1 < Pos.to_nat (cq i))%N ->
  (1 - toR R num0 / toR R den0) * success r m (one_less i (fun l => Pos.to_nat (cq l))) L < 1 - toR R num / toR R den.
Proof.
move=> /allP h i iL q1; have := h i; rewrite mem_iota iL => /(_ isT)/orP[/Pos.eqb_spec e|/too_little_leftP]; first by rewrite e in q1.
congr (_ * _ < _); apply: eq_bigr => l _.
have e k : Pos.to_nat (fewer i cq k) = one_less i (fun l => Pos.to_nat (cq l)) k.
  rewrite /fewer /one_less; case: eqP => // ->; rewrite Pos2Nat.inj_pred //.
  by apply/Pos2Nat.inj_lt/ssrnat.ltP.
by rewrite !e.
Qed.
End Minimal.
