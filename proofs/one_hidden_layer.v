(* Networks with one hidden layer inside sources of two, every layer masked; biases are free.                         *)
From mathcomp Require Import all_ssreflect all_algebra.
From ERProofs Require Import names bernoulli exact_laws factored factored_law.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Lemma eq_density (R : realFieldType) (E : finType) (p p' : E -> R) f : p =1 p' -> Ex p f = Ex p' f.
Proof. by move=> h; apply: eq_bigr => w _; congr (_ * _); apply: eq_bigr => e _; rewrite /wt h. Qed.

Section OneHiddenLayer.
Variables (R : realFieldType) (d N0 N1 n : nat) (O : finType).

(* edges into layer 1 from layer 0, into layer 0 from the inputs, and into the outputs from layer 1 *)
Definition low : finType := [finType of ('I_N1 * 'I_N0) + ('I_N0 * 'I_d)].
Definition top : finType := [finType of O * 'I_N1].
Definition lower_density (p0 p1 : R) : low -> R := two_masks p0 p1.
Definition density (p0 p1 p2 : R) : low + top -> R := joint (lower_density p0 p1) (fun _ : top => p2).

Variables (act : R -> R) (W1 : 'M[R]_(n, d)) (W2 : O -> 'I_n -> R) (b1 : 'I_n -> R) (b2 : O -> R).
Variable box : 'cV[R]_d -> Prop.

Definition target (x : 'cV[R]_d) (o : O) : R := \sum_j W2 o j * act ((W1 *m x) j 0 + b1 j) + b2 o.
Definition source (B : 'M[R]_(N0, d)) (c0 : 'cV[R]_N0) (A : 'M[R]_(N1, N0)) (c1 : 'I_N1 -> R) (s : O -> 'I_N1 -> R)
    (e : O -> R) (x : 'cV[R]_d) (o : O) : R :=
  \sum_z s o z * act ((A *m map_mx (@relu R) (B *m x + c0)) z 0 + c1 z) + e o.
(* weights on the mask, in every layer, that compute what the target computes, on the box *)
Definition represented (w : {ffun low + top -> bool}) : Prop :=
  exists (B : 'M[R]_(N0, d)) (c0 : 'cV[R]_N0) (A : 'M[R]_(N1, N0)) (c1 : 'I_N1 -> R) (s : O -> 'I_N1 -> R) (e : O -> R),
  [/\ forall y i, ~~ w (inl (inr (y, i))) -> B y i = 0, forall z y, ~~ w (inl (inl (z, y))) -> A z y = 0,
    forall o z, ~~ w (inr (o, z)) -> s o z = 0 & forall x, box x -> forall o, source B c0 A c1 s e x o = target x o].
End OneHiddenLayer.
