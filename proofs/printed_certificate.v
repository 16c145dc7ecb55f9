(* From an answer of `ertheory width --method printed` (dense layer 0) to a theorem about networks.                   *)
From Coq Require Import NArith PArith.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction theorem_2_2 rounding.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Printed.
(* copies cq, numbers cm of non-zero weights, sparsity ra/rb per layer, delta = num/den, depth as a number D *)
Variables (cq cm : nat -> positive) (ra rb : nat -> N) (num den bits D : N).
Let S : N := (2 ^ bits)%bin.
Definition links l : N := (D * (N.pos (cm l) * N.pos (cq l.+1)))%bin.
Definition layer_ok l : bool :=
  [&& N.ltb 0 (rb l), N.leb (ra l) (rb l) &
    N.leb (links l * pow_up S (cdiv (ra l * S) (rb l)) (cq l) * den)%bin (num * S)%bin].
Definition layer_minimal l : bool :=
  Pos.eqb (cq l) 1 || N.ltb (num * S)%bin (links l * pow_dn S (ra l * S / rb l) (Pos.pred (cq l)) * den)%bin.
Definition printed_ok (L : nat) : bool :=
  [&& N.ltb 0 den, N.leb num den, N.to_nat D == L & all (fun l => layer_ok l && layer_minimal l) (iota 0 L)].

Variables (R : realFieldType) (T : nat -> finType) (act : nat -> R -> R).
Variables (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R) (lo : T 0%N -> R).
Let q l := Pos.to_nat (cq l).
Let m l := Pos.to_nat (cm l).
Let r l : R := toR R (ra l) / toR R (rb l).
Let delta : R := toR R num / toR R den.
Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR R S. Proof. exact: (toR_lt R S0). Qed.

Variable L : nat.
Hypothesis ok : printed_ok L.
Let den0 : 0 < toR R den. Proof. by have /and4P[/N.ltb_lt h _ _ _] := ok; exact: (toR_lt R h). Qed.
Let layer l : (l < L)%N -> layer_ok l /\ layer_minimal l.
Proof. by move=> lL; have /and4P[_ _ _ /allP h] := ok; have := h l; rewrite mem_iota lL => /(_ isT)/andP. Qed.
Let r01 l : (l < L)%N -> 0 <= r l <= 1.
Proof.
move=> /layer[/and3P[/N.ltb_lt b0 /N.leb_le ab _] _]; have bp : 0 < toR R (rb l) by exact: (toR_lt R b0).
by rewrite divr_ge0 ?toR_ge0 //= ler_pdivrMr // mul1r; apply: toR_le.
Qed.
Let linksE l : toR R (links l) = L%:R * (m l * q l.+1)%:R.
Proof.
have /and4P[_ _ /eqP e _] := ok; rewrite /links !toRM natrM -[in RHS]e; congr (_ * (_ * _));
  by rewrite /toR -positive_N_nat.
Qed.

(* the printed condition, with q_{l+1} a whole number: it holds, *)
Theorem printed_condition l : (l < L)%N -> L%:R * (m l * q l.+1)%:R * r l ^+ q l <= delta.
Proof.
move=> lL; have [/and3P[/N.ltb_lt b0 _ /N.leb_le h] _] := layer lL; have /andP[r0 _] := r01 lL.
rewrite -linksE; move: (links l) h => x h; rewrite ler_pdivlMr // -(ler_pM2r s0) -toRM; apply: le_trans (toR_le R h).
rewrite !toRM mulrAC ler_wpM2r ?(ltW den0) // -mulrA ler_wpM2l ?toR_ge0 //.
by apply: pow_upP => //; exact: ratio_up.
Qed.

(* and with one copy less it does not *)
Theorem printed_minimal l : (l < L)%N -> (1 < q l)%N -> delta < L%:R * (m l * q l.+1)%:R * r l ^+ (q l).-1.
Proof.
move=> lL q1; have [/and3P[/N.ltb_lt b0 _ _] few] := layer lL; have /andP[r0 _] := r01 lL.
case/orP: few => [/Pos.eqb_spec e|/N.ltb_lt h]; first by rewrite /q e in q1.
rewrite -linksE; move: (links l) h => x h; rewrite ltr_pdivrMr // -(ltr_pM2r s0) -toRM; apply: lt_le_trans (toR_lt R h) _.
rewrite !toRM [in X in _ <= X]mulrAC ler_wpM2r ?(ltW den0) // -mulrA ler_wpM2l ?toR_ge0 //.
rewrite (_ : (q l).-1 = Pos.to_nat (Pos.pred (cq l))); last first.
  by rewrite Pos2Nat.inj_pred //; apply/Pos2Nat.inj_lt/ssrnat.ltP.
by apply: pow_dnP => //; exact: ratio_dn.
Qed.

Theorem printed_sound (rep : pred (mask T L q)) : (0 < L)%N ->
  (forall l : 'I_L, nonzeros W l = Pos.to_nat (cm l)) ->
  (forall w, represented act W b lo w -> rep w) ->
  1 - delta <= Pr (density (q := q) (fun l => 1 - r l)) rep.
Proof.
move=> L0 nz repP; pose p l : R := if (l < L)%N then 1 - r l else 0.
have p01 l : 0 <= p l <= 1.
  rewrite /p; case: ifP => [/r01/andP[h0 h1]|_]; last by rewrite lexx ler01.
  by rewrite subr_ge0 h1 lerBlDr lerDl.
have -> : Pr (density (q := q) (fun l => 1 - r l)) rep = Pr (density (q := q) p) rep.
  apply: eq_bigr => w _; congr (_ * _); apply: eq_bigr => e _.
  by rewrite /wt /density /p ltn_ord.
apply: (printed22 p01 L0 repP) => l; rewrite nz /p ltn_ord subKr; exact: printed_condition.
Qed.
End Printed.
