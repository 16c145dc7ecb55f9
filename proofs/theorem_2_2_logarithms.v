(* The printed, logarithmic form of the condition (real numbers with exp and ln: mathcomp-analysis). *)
From mathcomp Require Import all_ssreflect all_algebra ring boolp reals exp.
From ERProofs Require Import names bernoulli block_construction theorem_2_2.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section LogForm.
Variable R : realType.

Lemma ln_power n (x : R) : 0 < x -> ln (x ^+ n) = ln x *+ n.
Proof. by move=> x0; elim: n => [|n IH]; rewrite ?expr0 ?ln1 // exprS lnM ?posrE ?exprn_gt0 // IH mulrS. Qed.

Lemma log_condition (M delta r : R) (n : nat) : 0 < M -> 0 < delta -> 0 < r -> r < 1 ->
  ln (M / delta) / ln (1 / r) <= n%:R -> M * r ^+ n <= delta.
Proof.
move=> M0 d0 r0 r1 h.
have l0 : 0 < ln (1 / r) by rewrite ln_gt0 // div1r invf_gt1.
move: h; rewrite ler_pdivrMr // mulr_natl -ln_power ?div1r ?invr_gt0 // => h.
have : M / delta <= r^-1 ^+ n.
  by rewrite -ler_ln ?posrE ?divr_gt0 ?exprn_gt0 ?invr_gt0.
by rewrite ler_pdivrMr // exprVn ler_pdivlMl ?exprn_gt0 // mulrC.
Qed.

Variables (T : nat -> finType) (L : nat) (act : nat -> R -> R).
Variables (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R).
Variables (q : nat -> nat) (lo : T 0%N -> R) (p : nat -> R) (delta : R).
Hypothesis L0 : (0 < L)%N.
Hypothesis p01 : forall l, 0 < p l < 1.
Hypothesis d0 : 0 < delta.

(* Theorem 2.2 as printed, with whole q_{l+1} and a dense layer 0 *)
Theorem theorem22 (rep : pred (mask T L q)) : (forall w, represented act W b lo w -> rep w) ->
  (forall l : 'I_L, ln (L%:R * (nonzeros W l * q l.+1)%:R / delta) / ln (1 / (1 - p l)) <= (q l)%:R) ->
  1 - delta <= Pr (density (q := q) p) rep.
Proof.
move=> repP h; apply: (printed22 (act := act) (W := W) (b := b) (lo := lo)) => // [l|l].
  by case/andP: (p01 l) => /ltW-> /ltW->.
have /andP[h0 h1] := p01 l.
case: (posnP (nonzeros W l * q l.+1)) => [->|m0]; first by rewrite mulr0 mul0r ltW.
apply: log_condition => //; rewrite ?mulr_gt0 ?ltr0n ?subr_gt0 //.
by rewrite ltrBlDl ltrDr.
Qed.
End LogForm.

(* Theorem 2.1 as printed: two layers of links, q0 and q1 whole numbers, layer 0 dense *)
Section Theorem21.
Variables (R : realType) (T : nat -> finType).
Variables (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R) (lo : T 0%N -> R).
Variables (q0 q1 : nat) (p1 p2 delta : R).
Let q l : nat := if l is l'.+1 then if l' is _.+1 then 1%N else q1 else q0.
Let p l : R := if l is 0%N then p1 else p2.

Corollary theorem21 (rep : pred (mask T 2 q)) : 0 < p1 < 1 -> 0 < p2 < 1 -> 0 < delta ->
  (forall w, represented (L := 2) (q := q) (hidden_relu 2) W b lo w -> rep w) ->
  ln (2%:R * (nonzeros W 1)%:R / delta) / ln (1 / (1 - p2)) <= q1%:R ->
  ln (2%:R * (nonzeros W 0 * q1)%:R / delta) / ln (1 / (1 - p1)) <= q0%:R ->
  1 - delta <= Pr (density (q := q) p) rep.
Proof.
move=> h1 h2 d0 repP c1 c0; apply: (theorem22 (act := hidden_relu 2) (W := W) (b := b) (lo := lo)) => //.
  by case.
by case=> [[|[|//]] i] /=; rewrite ?muln1.
Qed.
End Theorem21.
