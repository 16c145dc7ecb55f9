(* The printed condition, repaired for a masked layer 0 whose neurons are matched to inputs: one more share of delta.   *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names hall factored_law factored_network dropped_copies masked_layer_0.
From ERProofs Require Import bernoulli block_construction theorem_2_2 exact_laws masked_networks masked_laws.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Lemma power_ge (R : realFieldType) (x : R) n : 0 <= x <= 1 -> 1 - n%:R * x <= (1 - x) ^+ n.
Proof.
move=> x01; have := @prod_ge_1_sum R [finType of 'I_n] xpredT (fun=> x) (fun _ _ => x01).
by rewrite prodr_const sumr_const card_ord mulr_natl.
Qed.

Section Printed.
Variables (R : realFieldType) (T : nat -> finType) (D : nat).
Local Notation L := D.+1.
Variables (act : nat -> R -> R) (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R).
Variables (q : nat -> nat) (lo : T 0%N -> R) (p : nat -> R) (p0 delta : R) (Z : finType).
Hypotheses (p01 : forall l, 0 <= p l <= 1) (h0 : 0 <= p0 <= 1).
Local Notation K := [finType of 'I_(q 0%N)].
Let links (l : nat) : nat := (nonzeros W l * q l.+1)%N.
Let miss (l : nat) : R := (1 - p l) ^+ q l.

Let miss01 l : 0 <= miss l <= 1.
Proof.
have /andP[x y] := p01 l; have z : 0 <= 1 - p l by rewrite subr_ge0.
by rewrite exprn_ge0 // exprn_ile1 // lerBlDr lerDl.
Qed.

Lemma blocks_union : 1 - \sum_(l < L) (links l)%:R * miss l <= \prod_(l < L) (1 - miss l) ^+ links l.
Proof.
pose y (l : 'I_L) : R := 1 - (1 - miss l) ^+ links l.
have unit l : 0 <= (1 - miss l) ^+ links l <= 1.
  have /andP[x z] := miss01 l; have u : 0 <= 1 - miss l by rewrite subr_ge0.
  by rewrite exprn_ge0 // exprn_ile1 // lerBlDr lerDl.
have y01 (l : 'I_L) : xpredT l -> 0 <= y l <= 1.
  by move=> _; have /andP[x z] := unit l; rewrite /y subr_ge0 z lerBlDr lerDl.
apply: (@le_trans _ _ (1 - \sum_(l < L) y l)).
  rewrite lerD2l lerN2; apply: ler_sum => l _.
  by rewrite /y lerBlDl -lerBlDr; exact: power_ge.
apply: le_trans (prod_ge_1_sum y01) _; rewrite le_eqVlt; apply/orP; left; apply/eqP.
by apply: eq_bigr => l _; rewrite /y subKr.
Qed.

Theorem printed_matched (z0 : Z) (rep : pred (full_mask T D q Z)) :
  (forall w, represented_masked act W b lo w -> rep w) ->
  L.+1%:R * hall_failure (T 0%N) K Z p0 <= delta ->
  (forall l : 'I_L, L.+1%:R * (nonzeros W l * q l.+1)%:R * (1 - p l) ^+ q l <= delta) ->
  1 - delta <= Pr (full_density p p0) rep.
Proof.
move=> repP hall cond; have Lp : 0 < L.+1%:R :> R by rewrite ltr0n.
have share_hall : hall_failure (T 0%N) K Z p0 <= delta / L.+1%:R by rewrite ler_pdivlMr // mulrC.
have share l : (links (l : 'I_L))%:R * miss l <= delta / L.+1%:R by rewrite ler_pdivlMr // mulrC mulrA; exact: cond.
have lost : \sum_(l < L) (links l)%:R * miss l <= L%:R * (delta / L.+1%:R).
  apply: (@le_trans _ _ (\sum_(l < L) delta / L.+1%:R)); first by apply: ler_sum => l _.
  by rewrite sumr_const card_ord mulr_natl.
have total : delta / L.+1%:R + L%:R * (delta / L.+1%:R) = delta.
  by rewrite -[X in X + _]mul1r -mulrDl -[1]/(1%:R) -natrD add1n mulrC divfK // gt_eqF.
have D01 (e : edge T L q) : 0 <= density p e <= 1 by exact: p01.
have P0 (e : [finType of Z * T 0%N]) : 0 <= p0 <= 1 by [].
have built r : served (@block_of T L q) (needed W (q := q)) r -> represented_id act W b lo r.
  by move=> sr; exact: construction_id.
have deep := matched_deep p01 h0 repP built.
have ml := @Pr_le1 _ _ _ P0 (@matchable (T 0%N) K Z).
have bl := @Pr_le1 _ _ _ D01 (served (@block_of T L q) (needed W (q := q))).
have law : 1 - \sum_(l < L) (links l)%:R * miss l <= Pr (density (q := q) p) (served (@block_of T L q) (needed W (q := q))).
  by rewrite law22; exact: blocks_union.
have found : 1 - hall_failure (T 0%N) K Z p0 <= Pr (fun _ : [finType of Z * T 0%N] => p0) (@matchable (T 0%N) K Z).
  exact: matchable_law.
have := two_chances ml bl found law share_hall lost deep.
by rewrite total.
Qed.
End Printed.
