(* Theorems 2.1 (L = 2) and 2.2 (any depth L) of the paper, with a dense layer 0 and whole numbers of copies.        *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Theorem22.
Variables (R : realFieldType) (T : nat -> finType) (L : nat) (act : nat -> R -> R).
Variables (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R).
Variables (q : nat -> nat) (lo : T 0%N -> R).
Variable p : nat -> R.    (* p l: density of the edges between the copies of layer l and those of layer l.+1 (the paper's p_{l+1}) *)

Notation edge := (edge T L q).
Definition density (e : edge) : R := p (tag e).

(* m_{l+1}: the non-zero weights of W_{l+1} *)
Definition nonzeros l : nat := #|[pred vu : T l.+1 * T l | @W l vu.1 vu.2 != 0]|.

Lemma block_size (B : block T L q) :
  \prod_(e : edge | block_of e == B) (1 - density e) = (1 - p (tag B)) ^+ q (tag B).
Proof.
case: B => l [v u] /=.
pose h (k : 'I_(q l)) : edge := @Tagged 'I_L l (edges_at T q) (v, (u, k)).
have hi : injective h by move=> k k' /eqP; rewrite /h eq_Tagged => /eqP[].
have him e : (block_of e == @Tagged 'I_L l (blocks_at T q) (v, u)) = (e \in [set h k | k : 'I_(q l)]).
  apply/eqP/imsetP => [|[k _ ->] //]; case: e => l' e' he.
  have el : l' = l := congr1 (@tag _ _) he.
  subst l'; move/eqP: he; rewrite /block_of eq_Tagged /= => /eqP[ev ei].
  by case: e' ev ei => v' [i j] /= -> ->; exists j.
rewrite (eq_bigl _ _ him) big_imset /=; last by move=> k k' _ _; exact: hi.
by rewrite (eq_bigr (fun=> 1 - p l)) // prodr_const card_ord.
Qed.

Lemma card_needed (l : 'I_L) :
  #|[pred B : blocks_at T q l | @W l B.1.1 B.2 != 0]| = (nonzeros l * q l.+1)%N.
Proof.
pose h (B : (T l.+1 * T l) * 'I_(q l.+1)) : blocks_at T q l := ((B.1.1, B.2), B.1.2).
have hi : injective h by move=> [[a c] d] [[a' c'] d'] [-> -> ->].
transitivity #|[predX [pred vu : T l.+1 * T l | @W l vu.1 vu.2 != 0] & 'I_(q l.+1)]|; last by rewrite cardX card_ord.
rewrite -(card_imset _ hi); apply: eq_card => -[[v k] u].
rewrite !inE /=; apply/idP/imsetP => [nz|[[[v' u'] k'] + [-> _ ->]]].
  by exists ((v, u), k); rewrite // !inE andbT.
by rewrite !inE andbT.
Qed.

(* the exact law of the block construction *)
Theorem law22 : Pr density (served (@block_of T L q) (needed W (q := q))) =
  \prod_(l < L) (1 - (1 - p l) ^+ q l) ^+ (nonzeros l * q l.+1).
Proof.
rewrite block_law; under eq_bigr do rewrite block_size.
rewrite -(sig_big_dep (I := [finType of 'I_L]) (J := blocks_at T q) xpredT
  (fun l B => @W l B.1.1 B.2 != 0) (fun l _ => 1 - (1 - p l) ^+ q l)) /=.
by apply: eq_bigr => l _; rewrite prodr_const card_needed.
Qed.

Hypothesis p01 : forall l, 0 <= p l <= 1.
Hypothesis L0 : (0 < L)%N.

Let d01 (e : edge) : 0 <= density e <= 1. Proof. exact: p01. Qed.

Let r01 l n : 0 <= (1 - p l) ^+ n <= 1.
Proof.
have /andP[h0 h1] := p01 l.
have r0 : 0 <= 1 - p l by rewrite subr_ge0.
by rewrite exprn_ge0 // exprn_ile1 // lerBlDr lerDl.
Qed.

(* rep: any (decidable) event that holds on every mask that can represent the target on the box *)
Variable rep : pred (mask T L q).
Hypothesis repP : forall w, represented act W b lo w -> rep w.

Theorem exact22 :
  \prod_(l < L) (1 - (1 - p l) ^+ q l) ^+ (nonzeros l * q l.+1) <= Pr density rep.
Proof. by rewrite -law22; apply: le_Pr => // w sw; apply: repP; exact: construction. Qed.

Theorem union22 : 1 - \sum_(l < L) (nonzeros l * q l.+1)%:R * (1 - p l) ^+ q l <= Pr density rep.
Proof.
apply: le_trans exact22.
have {1}-> : \sum_(l < L) (nonzeros l * q l.+1)%:R * (1 - p l) ^+ q l =
    \sum_(B : block T L q | needed W B) (1 - p (tag B)) ^+ q (tag B).
  rewrite -(sig_big_dep (I := [finType of 'I_L]) (J := blocks_at T q) xpredT
    (fun l B => @W l B.1.1 B.2 != 0) (fun l _ => (1 - p l) ^+ q l)) /=.
  by apply: eq_bigr => l _; rewrite sumr_const card_needed -[RHS]mulr_natl.
apply: le_trans (prod_ge_1_sum _) _; first by move=> B _; exact: r01.
rewrite -(sig_big_dep (I := [finType of 'I_L]) (J := blocks_at T q) xpredT
  (fun l B => @W l B.1.1 B.2 != 0) (fun l _ => 1 - (1 - p l) ^+ q l)) /=.
by rewrite le_eqVlt; apply/orP; left; apply/eqP; apply: eq_bigr => l _; rewrite prodr_const card_needed.
Qed.

(* the printed condition, in its algebraic form: L m_{l+1} q_{l+1} (1-p_{l+1})^{q_l} <= delta, q_{l+1} a whole number *)
Theorem printed22 (delta : R) :
  (forall l : 'I_L, L%:R * (nonzeros l * q l.+1)%:R * (1 - p l) ^+ q l <= delta) ->
  1 - delta <= Pr density rep.
Proof.
move=> h; apply: le_trans union22; rewrite lerD2l lerN2.
have Lp : 0 < L%:R :> R by rewrite ltr0n.
rewrite -(ler_pM2l Lp) mulr_sumr.
apply: (@le_trans _ _ (\sum_(l < L) delta)); first by apply: ler_sum => l _; rewrite mulrA.
by rewrite sumr_const card_ord mulr_natl.
Qed.

End Theorem22.
