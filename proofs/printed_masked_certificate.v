(* From an answer of `ertheory width --method printed`, layer 0 masked and matched or preassigned, to a theorem.         *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names hall factored_law factored_network dropped_copies masked_layer_0 rounding upward.
From ERProofs Require Import factored_certificate enclosures matched_certificate matched_minimal.
From ERProofs Require Import bernoulli block_construction theorem_2_2 exact_laws masked_networks masked_laws masked_printed.
From ERProofs Require Import printed_certificate.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* preassigned neurons: a weight out of an input is lost with chance (1 - p0 p)^q *)
Section Preassigned.
Variables (R : realFieldType) (T : nat -> finType) (D : nat).
Local Notation L := D.+1.
Variables (act : nat -> R -> R) (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R).
Variables (q : nat -> nat) (lo : T 0%N -> R) (p : nat -> R) (p0 delta : R).
Hypotheses (p01 : forall l, 0 <= p l <= 1) (h0 : 0 <= p0 <= 1).

Lemma mean_power (z : R) n : \sum_(k < n.+1) bin_mass p0 n k * z ^+ k = (1 - p0 * (1 - z)) ^+ n.
Proof.
rewrite (_ : 1 - p0 * (1 - z) = (1 - p0) + p0 * z); last by ring.
rewrite exprDn; apply: eq_bigr => k _; rewrite /bin_mass exprMn -[RHS]mulr_natl.
by move: 'C(n, k)%:R (_ ^+ (n - k)) (p0 ^+ k) (z ^+ k) => c e f g; ring.
Qed.

Lemma fans_total : (\sum_(i : T 0%N) fan_out W i = nonzeros W 0)%N.
Proof.
rewrite /nonzeros -sum1_card (eq_bigr (fun i => \sum_(v : T 1%N | @W 0%N v i != 0%R) 1)%N) => [|i _]; last by rewrite sum1_card.
rewrite (exchange_big_dep xpredT) //= pair_big_dep /=; apply: eq_bigl => -[v u].
by rewrite unfold_in.
Qed.

Let miss l : R := (1 - p l) ^+ q l.
Let unit_pow (x : R) n : 0 <= x <= 1 -> 0 <= x ^+ n <= 1.
Proof. by case/andP=> x0 x1; rewrite exprn_ge0 ?exprn_ile1. Qed.
Let unit_compl (x : R) : 0 <= x <= 1 -> 0 <= 1 - x <= 1.
Proof. by case/andP=> x0 x1; rewrite subr_ge0 x1 lerBlDr lerDl. Qed.
Let below_product (I : finType) (x lost : I -> R) : (forall i, 0 <= x i <= 1) -> (forall i, 1 - lost i <= x i) ->
  1 - \sum_i lost i <= \prod_i x i <= 1.
Proof.
move=> x01 le; apply/andP; split; last first.
  apply: (@le_trans _ _ (\prod_(i : I) 1)); last by rewrite big1.
  by apply: ler_prod => i _; exact: x01.
have y01 i : xpredT i -> 0 <= 1 - x i <= 1 by move=> _; exact: unit_compl.
have prodE : \prod_i (1 - (1 - x i)) = \prod_i x i by apply: eq_bigr => i _; rewrite subKr.
have := prod_ge_1_sum y01; rewrite prodE.
apply: le_trans; rewrite lerD2l lerN2; apply: ler_sum => i _; by rewrite lerBlDr -lerBlDl.
Qed.

Theorem printed_preassigned (rep : pred (full_mask T D q [finType of T 0%N * 'I_(q 0%N)])) :
  (forall w, represented_masked act W b lo w -> rep w) ->
  L%:R * (nonzeros W 0 * q 1%N)%:R * (1 - p0 * p 0%N) ^+ q 0%N <= delta ->
  (forall l : 'I_D, L%:R * (nonzeros W l.+1 * q l.+2)%:R * (1 - p l.+1) ^+ q l.+1 <= delta) ->
  1 - delta <= Pr (full_density p p0) rep.
Proof.
move=> repP first rest; have Lp : 0 < L%:R :> R by rewrite ltr0n.
have mass0 k : 0 <= bin_mass p0 (q 0%N) k.
  by have /andP[x y] := h0; rewrite /bin_mass !mulr_ge0 ?ler0n ?exprn_ge0 ?subr_ge0.
have total : \sum_(k < (q 0%N).+1) bin_mass p0 (q 0%N) k = 1.
  have := mean_power 1 (q 0%N); rewrite subrr mulr0 subr0 expr1n => <-.
  by apply: eq_bigr => k _; rewrite expr1n mulr1.
pose A i : R := \sum_(k < (q 0%N).+1) bin_mass p0 (q 0%N) k * (1 - (1 - p 0%N) ^+ k) ^+ (fan_out W i * q 1%N).
pose lostA i : R := (fan_out W i * q 1%N)%:R * (1 - p0 * p 0%N) ^+ q 0%N.
have kept k : 0 <= 1 - (1 - p 0%N) ^+ k <= 1 by exact/unit_compl/unit_pow/unit_compl.
have A01 i : 0 <= A i <= 1.
  apply/andP; split; first by apply: sumr_ge0 => k _; rewrite mulr_ge0 //; case/andP: (unit_pow (fan_out W i * q 1%N) (kept k)).
  rewrite -total; apply: ler_sum => k _; rewrite -[X in _ <= X]mulr1 ler_wpM2l //.
  by case/andP: (unit_pow (fan_out W i * q 1%N) (kept k)).
have lowA i : 1 - lostA i <= A i.
  have e : (1 - p0 * p 0%N) ^+ q 0%N = \sum_(k < (q 0%N).+1) bin_mass p0 (q 0%N) k * (1 - p 0%N) ^+ k.
    by rewrite mean_power subKr.
  rewrite /lostA e -[X in X - _ <= _]total mulr_sumr -sumrB; apply: ler_sum => k _.
  rewrite mulrCA -[X in X - _]mulr1 -mulrBr ler_wpM2l //; apply: power_ge.
  by have := unit_pow k (unit_compl (p01 0%N)).
pose B (l : 'I_D) : R := (1 - (1 - p l.+1) ^+ q l.+1) ^+ (nonzeros W l.+1 * q l.+2).
pose lostB (l : 'I_D) : R := (nonzeros W l.+1 * q l.+2)%:R * (1 - p l.+1) ^+ q l.+1.
have B01 l : 0 <= B l <= 1 by exact/unit_pow/unit_compl/unit_pow/unit_compl.
have lowB l : 1 - lostB l <= B l by apply: power_ge; exact/unit_pow/unit_compl.
have /andP[hA A1] := below_product A01 lowA; have /andP[hB B1] := below_product B01 lowB.
have sumA : \sum_i lostA i <= delta / L%:R.
  rewrite /lostA -mulr_suml -natr_sum -big_distrl /= fans_total ler_pdivlMr // mulrC mulrA; exact: first.
have sumB : \sum_l lostB l <= D%:R * (delta / L%:R).
  apply: (@le_trans _ _ (\sum_(l < D) delta / L%:R)); last by rewrite sumr_const card_ord mulr_natl.
  by apply: ler_sum => l _; rewrite ler_pdivlMr // mulrC mulrA; exact: rest.
have := two_chances A1 B1 hA hB sumA sumB (preassigned22 p01 h0 repP).
rewrite (_ : delta / L%:R + D%:R * (delta / L%:R) = delta) //.
by rewrite -[X in X + _]mul1r -mulrDl -[1]/(1%:R) -natrD add1n mulrC divfK // gt_eqF.
Qed.
End Preassigned.

Section Answers.
Variables (cq cm : nat -> positive) (ra rb : nat -> N) (num den bits : N) (D : nat).
Local Notation L := D.+1.
Variables (R : realFieldType) (T : nat -> finType) (act : nat -> R -> R).
Variables (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R) (lo : T 0%N -> R).
Let q l := Pos.to_nat (cq l).
Let m l := Pos.to_nat (cm l).
Let r l : R := toR R (ra l) / toR R (rb l).
Let delta : R := toR R num / toR R den.
Hypothesis weights : forall l : 'I_L, nonzeros W l = m l.

(* layer 0 of density a0 / b0, and layer 1 of density a1 / b1: the sparsity ra 0 / rb 0 is 1 - (a0 / b0) (a1 / b1) *)
Section Preassigned.
Variables (a0 b0 a1 b1 : N).
Definition product_ok : bool :=
  [&& N.ltb 0 b0, N.leb a0 b0, N.ltb 0 b1, N.leb a1 b1 &
    N.eqb (ra 0%N * (b0 * b1) + a0 * a1 * rb 0%N)%bin (rb 0%N * (b0 * b1))%bin].
Hypotheses (product : product_ok) (ok : printed_ok cq cm ra rb num den bits (N.of_nat L) L).
Let p0 : R := toR R a0 / toR R b0.
Definition density_behind (l : nat) : R := if l is 0%N then toR R a1 / toR R b1 else 1 - r l.

Let sane l : (l < L)%N -> (0 <? rb l)%bin /\ (ra l <=? rb l)%bin.
Proof. by move=> lL; have /and4P[_ _ _ /allP h] := ok; have := h l; rewrite mem_iota lL => /(_ isT)/andP[/and3P[]]. Qed.

Let productE : 1 - p0 * density_behind 0 = r 0%N.
Proof.
have /and5P[/N.ltb_lt/(toR_lt R) b0p _ /N.ltb_lt/(toR_lt R) b1p _ /N.eqb_spec e] := product.
have [/N.ltb_lt/(toR_lt R) rp _] := sane (isT : (0 < L)%N).
have := congr1 (toR R) e; rewrite toRD !toRM => {}e; rewrite /p0 /r /density_behind.
apply: (mulIf (x := toR R (rb 0%N) * (toR R b0 * toR R b1))); first by rewrite !mulf_neq0 ?gt_eqF.
rewrite [LHS](_ : _ = toR R (rb 0%N) * (toR R b0 * toR R b1) - toR R a0 * toR R a1 * toR R (rb 0%N)); last first.
  by field; rewrite !gt_eqF.
rewrite [RHS](_ : _ = toR R (ra 0%N) * (toR R b0 * toR R b1)); last by field; rewrite gt_eqF.
by rewrite -e addrK.
Qed.

Theorem printed_preassigned_sound (rep : pred (full_mask T D q [finType of T 0%N * 'I_(q 0%N)])) :
  (forall w, represented_masked act W b lo w -> rep w) -> 1 - delta <= Pr (full_density density_behind p0) rep.
Proof.
move=> repP; have /and5P[b00 ab0 b10 ab1 _] := product.
pose p l : R := if (l < L)%N then density_behind l else 0.
have p01 l : 0 <= p l <= 1.
  rewrite /p; case: ifP => [lL|_]; last by rewrite lexx ler01.
  case: l lL => [|l] lL /=; first exact: ratio01.
  have [rb0 rab] := sane lL; have /andP[r0 r1] := ratio01 R rb0 rab.
  by rewrite subr_ge0 r1 lerBlDr lerDl.
have -> : Pr (full_density density_behind p0) rep = Pr (full_density p p0) rep.
  apply: eq_bigr => w _; congr (_ * _); apply: eq_bigr => -[e|e] _ //.
  by rewrite /wt /full_density /= /masked_networks.upper_density /p ltn_ord.
apply: (printed_preassigned p01 (ratio01 R b00 ab0) repP).
  have := printed_condition R ok (isT : (0 < L)%N); rewrite -/r -/q -/m -/delta.
  by move=> h; rewrite /p /= [in X in _ * X]productE (weights ord0); exact: h.
move=> l; have := printed_condition R ok (ltn_ord (lift ord0 l)); rewrite -/(m _) -/(q _) => h.
by rewrite /p ltnS ltn_ord /= subKr (weights (lift ord0 l)).
Qed.
End Preassigned.

(* layer 0 matched: Hall's sum and every layer get delta / (L + 1), so every layer L / (L + 1) of delta over L *)
Section Matched.
Variables (Z : finType) (p0 : R) (num0 den0 : N).
Hypotheses (z0 : Z) (u0 : 0 <= p0 <= 1).
Hypothesis hall : hall_failure (T 0%N) [finType of 'I_(q 0%N)] Z p0 <= toR R num0 / toR R den0.
Hypothesis ok : printed_ok cq cm ra rb (num * N.of_nat L) (den * N.of_nat L.+1) bits (N.of_nat L) L.
Hypothesis share : [&& N.ltb 0 den0, N.ltb 0 den & N.leb (num0 * N.of_nat L.+1 * den)%bin (num * den0)%bin].

Let scaled : toR R (num * N.of_nat L)%bin / toR R (den * N.of_nat L.+1)%bin = L%:R * (delta / L.+1%:R).
Proof.
by rewrite /delta !toRM !toR_nat invfM !mulrA [toR R num * L%:R]mulrC.
Qed.

Theorem printed_matched_minimal l : (l < L)%N -> (1 < q l)%N -> delta < L.+1%:R * (m l * q l.+1)%:R * r l ^+ (q l).-1.
Proof.
move=> lL q1; have := printed_minimal R ok lL q1; rewrite -/(m _) -/(q _) -/(r _) scaled -mulrA ltr_pM2l ?ltr0n //.
by rewrite ltr_pdivrMr ?ltr0n // mulrC mulrA.
Qed.

Theorem printed_matched_sound (rep : pred (full_mask T D q Z)) :
  (forall w, represented_masked act W b lo w -> rep w) -> 1 - delta <= Pr (full_density (fun l => 1 - r l) p0) rep.
Proof.
move=> repP; pose p l : R := if (l < L)%N then 1 - r l else 0.
have p01 l : 0 <= p l <= 1.
  rewrite /p; case: ifP => [lL|_]; last by rewrite lexx ler01.
  have /and4P[_ _ _ /allP h] := ok; have := h l; rewrite mem_iota lL => /(_ isT)/andP[/and3P[rb0 rab _] _].
  by have /andP[r0 r1] := ratio01 R rb0 rab; rewrite subr_ge0 r1 lerBlDr lerDl.
have -> : Pr (full_density (fun l => 1 - r l) p0) rep = Pr (full_density p p0) rep.
  apply: eq_bigr => w _; congr (_ * _); apply: eq_bigr => -[e|e] _ //.
  by rewrite /wt /full_density /= /masked_networks.upper_density /p ltn_ord.
apply: (printed_matched p01 u0 z0 repP).
  have /and3P[/N.ltb_lt/(toR_lt R) d0 /N.ltb_lt/(toR_lt R) dp /N.leb_le/(toR_le R) le] := share.
  apply: le_trans (ler_wpM2l (ler0n _ _) hall) _; rewrite /delta mulrA ler_pdivrMr // mulrAC ler_pdivlMr //.
  by move: le; rewrite !toRM toR_nat [L.+1%:R * _]mulrC.
move=> l; have := printed_condition R ok (ltn_ord l); rewrite -/(m _) -/(q _) -/(r _) scaled -mulrA ler_pM2l ?ltr0n //.
by rewrite ler_pdivlMr ?ltr0n // mulrC mulrA weights /p ltn_ord subKr.
Qed.
End Matched.
End Answers.

(* one neuron less in a matched layer 0: Hall's sum is above delta / (L + 1) *)
Section Neurons.
Variables (R : realFieldType) (bits a0 b0 num den d N' : N) (q : positive) (ts : seq (N * N)) (L : nat).
Let S : N := (2 ^ bits)%bin.
Definition hall_above : bool :=
  [&& N.ltb 0 b0, N.leb a0 b0, N.ltb 0 den, N.eqb (N.of_nat (size ts)) d &
    N.ltb (num * S)%bin (N.of_nat L.+1 * hall_sum_dn bits (ratio bits 0 (b0 - a0) b0) (ratio bits 1 (b0 - a0) b0)
      (N.pred N') (N.pos q) 1 (binomials d d 1 (size ts)) ts * den)%bin].

Theorem hall_aboveP (I K Z : finType) : #|I| = N.to_nat d -> #|K| = Pos.to_nat q -> #|Z| = (N.to_nat N').-1 -> hall_above ->
  toR R num / toR R den < L.+1%:R * hall_failure I K Z (toR R a0 / toR R b0).
Proof.
move=> cI cK cZ /and5P[b1 ab d1 /N.eqb_spec sz /N.ltb_lt lt].
have S0 : (0 < S)%bin by apply/N.neq_0_lt_0/N.pow_nonzero.
have s0 : 0 < toR R S by exact: (toR_lt R S0).
have dp : 0 < toR R den by have /N.ltb_lt/(toR_lt R) := d1.
have p01 : 0 <= toR R a0 / toR R b0 <= 1 by exact: ratio01.
have := @hall_sum_dnP R bits (toR R a0 / toR R b0) _ _ #|I| #|Z| (Pos.to_nat q) 0 ts p01 (rest_le R bits b1 ab) (rest_ge R bits b1 ab).
have -> : #|I| = size ts by rewrite cI -sz Nat2N.id.
have be := @binomialsE (size ts) 1 (size ts) (leqnn _); rewrite bin1 sz in be.
have q1 : N.of_nat (Pos.to_nat q) = N.pos q by rewrite -[RHS]N2Nat.id.
have z1 : N.of_nat #|Z| = N.pred N' by rewrite cZ Nat2N.inj_pred N2Nat.id.
rewrite add1n q1 z1 -[N.of_nat 1]/1%bin -be => hall.
have hE : hall_failure I K Z (toR R a0 / toR R b0) =
    \sum_(1 <= s < (size ts).+1) 'C(size ts, s)%:R * tail (toR R a0 / toR R b0) #|Z| (Pos.to_nat q * s) s.
  by rewrite /hall_failure cI -sz Nat2N.id; apply: eq_bigr => s _; rewrite /few /tail cK.
rewrite -hE in hall; rewrite ltr_pdivrMr // -(ltr_pM2r s0) -toRM; apply: lt_le_trans (toR_lt R lt) _.
by rewrite !toRM toR_nat [X in _ <= X]mulrAC ler_wpM2r ?(ltW dp) // -[X in _ <= X]mulrA ler_wpM2l ?ler0n.
Qed.
End Neurons.
