(* From an answer of `ertheory width --method exact`, layer 0 masked and matched, to a theorem about networks.          *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names hall factored_law factored_network dropped_copies masked_layer_0 rounding.
From ERProofs Require Import bernoulli block_construction theorem_2_2 exact_laws certificates.
From ERProofs Require Import masked_networks masked_laws.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Matched.
(* as in `certificates`; layer 0 has density p0, and its Hall sum is num0 / den0 at most *)
Variables (cq cm : nat -> positive) (ra rb : nat -> N) (num den bits : N).
Variables (num0 den0 : N) (D : nat).
Local Notation L := D.+1.
Let S : N := (2 ^ bits)%bin.
Definition blocks_matched_ok : bool :=
  [&& N.leb num0 den0, N.ltb 0 den0, N.ltb 0 den, N.leb num den, sane cq ra rb bits L &
      N.leb ((den - num) * S * den0)%bin ((den0 - num0) * plan_dn cq cm ra rb bits L * den)%bin].

Variables (R : realFieldType) (T : nat -> finType) (act : nat -> R -> R).
Variables (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R) (lo : T 0%N -> R) (Z : finType).
Let q l := Pos.to_nat (cq l).
Let r l : R := toR R (ra l) / toR R (rb l).
Variable p0 : R.
Hypotheses (ok : blocks_matched_ok) (z0 : Z) (u0 : 0 <= p0 <= 1).
Hypothesis hall : hall_failure (T 0%N) [finType of 'I_(q 0%N)] Z p0 <= toR R num0 / toR R den0.
Hypothesis weights : forall l : 'I_L, nonzeros W l = Pos.to_nat (cm l).
Variable rep : pred (full_mask T D q Z).

Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR R S. Proof. exact: (toR_lt R S0). Qed.
Let sn : sane cq ra rb bits L. Proof. by have /and5P[_ _ _ _ /andP[]] := ok. Qed.

Let unit_sparsity l : (l < L)%N -> 0 <= r l <= 1.
Proof.
elim: (L) sn => // k IH /and4P[_ /N.ltb_lt rb0 /N.leb_le ab sk]; rewrite ltnS leq_eqVlt => /predU1P[->|]; last exact: IH.
have bp : 0 < toR R (rb k) by exact: (toR_lt R rb0).
by rewrite divr_ge0 ?toR_ge0 //= ler_pdivrMr // mul1r; apply: toR_le.
Qed.

Theorem blocks_matched_sound : (forall w, represented_masked act W b lo w -> rep w) ->
  1 - toR R num / toR R den <= Pr (full_density (fun l => 1 - r l) p0) rep.
Proof.
move=> repP; have /and5P[/N.leb_le h0 /N.ltb_lt d0 /N.ltb_lt den_0 /N.leb_le nd /andP[_ /N.leb_le le]] := ok.
pose p l : R := if (l < L)%N then 1 - r l else 0.
have p01 l : 0 <= p l <= 1.
  rewrite /p; case: ifP => [/unit_sparsity/andP[x0 x1]|_]; last by rewrite lexx ler01.
  by rewrite subr_ge0 x1 lerBlDr lerDl.
have -> : Pr (full_density (fun l => 1 - r l) p0) rep = Pr (full_density p p0) rep.
  apply: eq_bigr => w _; congr (_ * _); apply: eq_bigr => -[e|e] _ //.
  by rewrite /wt /full_density /= /masked_networks.upper_density /p ltn_ord.
apply: le_trans (matched22 p01 u0 repP z0).
have d1 : 0 < toR R den0 by exact: (toR_lt R d0).
have den1 : 0 < toR R den by exact: (toR_lt R den_0).
have below_law := plan_dnP cm R sn.
apply: (@le_trans _ _ (toR R (den0 - num0)%bin / toR R den0 * (toR R (plan_dn cq cm ra rb bits L) / toR R S))).
  rewrite -[X in X - _](divff (lt0r_neq0 den1)) -mulrBl -toR_sub // mulf_div ler_pdivrMr // mulrAC ler_pdivlMr ?mulr_gt0 //.
  rewrite -!toRM; apply: toR_le; rewrite (_ : ((den - num) * (den0 * S) = (den - num) * S * den0)%bin); first exact: le.
  by rewrite N.mul_assoc; exact: N.mul_shuffle0.
have side : toR R (den0 - num0)%bin / toR R den0 <= 1 - hall_failure (T 0%N) [finType of 'I_(q 0%N)] Z p0.
  by rewrite toR_sub // mulrBl divff ?gt_eqF // lerD2l lerN2.
apply: ler_pM => //; rewrite ?divr_ge0 ?toR_ge0 //.
rewrite ler_pdivrMr //; apply: le_trans below_law _; rewrite le_eqVlt; apply/orP; left; apply/eqP; congr (_ * _).
by apply: eq_bigr => l _; rewrite /p ltn_ord subKr weights.
Qed.
End Matched.
