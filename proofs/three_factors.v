(* Three factors, one linear map: W = A C B on three masks, solved in the middle, where inner neurons can be coloured. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ERProofs Require Import names bernoulli exact_laws hall factored factored_law factored_network dropped_copies masked_layer_0.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section OneMap.
Variables (R : realFieldType) (n m N1 N2 : nat).
Variables (S1 : 'I_N1 -> 'I_n -> bool)    (* which inputs the first inner neurons read *)
  (S2 : 'I_N2 -> 'I_N1 -> bool)           (* which of these the second inner neurons read *)
  (S3 : 'I_m -> 'I_N2 -> bool).           (* which of these the outputs read *)

(* the masks hold every linear map, with the same outer factors for all of them *)
Definition universal3 : Prop :=
  exists (A : 'M[R]_(m, N2)) (B : 'M[R]_(N1, n)), [/\ on_mask S3 A, on_mask S1 B &
    forall W : 'M[R]_(m, n), exists C : 'M[R]_(N2, N1), on_mask S2 C /\ A *m C *m B = W].

(* f (i, k) is the k-th neuron of input i, g (o, c) the c-th of output o; no neuron has two colours *)
Variables (K C : finType) (f : 'I_n * K -> 'I_N1) (g : 'I_m * C -> 'I_N2).

Lemma entry_of_delta (A : 'M[R]_(m, N2)) (B : 'M[R]_(N1, n)) x y o i :
  (A *m delta_mx x y *m B) o i = A o x * B y i.
Proof.
rewrite -(mul_delta_mx (0 : 'I_1)) mulmxA -colE -mulmxA -rowE.
by rewrite mxE big_ord1 !mxE.
Qed.

Theorem colouring : injective f -> injective g -> (forall x, S1 (f x) x.1) -> (forall y, S3 y.1 (g y)) ->
  (forall o i, exists ck : C * K, S2 (g (o, ck.1)) (f (i, ck.2))) -> universal3.
Proof.
move=> fi gi fS gS pairs.
have [h hP] : exists h : 'I_m -> 'I_n -> C * K, forall o i, S2 (g (o, (h o i).1)) (f (i, (h o i).2)).
  apply: (@fin_all_exists _ _ (fun o h => forall i, S2 (g (o, (h i).1)) (f (i, (h i).2)))) => o.
  exact: (@fin_all_exists _ _ (fun i ck => S2 (g (o, ck.1)) (f (i, ck.2)))).
pose A : 'M[R]_(m, N2) := \matrix_(o, j) [exists c, g (o, c) == j]%:R.
pose B : 'M[R]_(N1, n) := \matrix_(j, i) [exists k, f (i, k) == j]%:R.
have A_at o o' c : A o (g (o', c)) = (o' == o)%:R.
  rewrite mxE; congr (nat_of_bool _)%:R; apply/existsP/eqP => [[c' /eqP/gi[-> _]] //|->].
  by exists c.
have B_at i i' k : B (f (i', k)) i = (i' == i)%:R.
  rewrite mxE; congr (nat_of_bool _)%:R; apply/existsP/eqP => [[k' /eqP/fi[-> _]] //|->].
  by exists k.
exists A, B; split=> [o j|j i|W].
- by rewrite mxE; case: existsP => // -[c /eqP<-]; rewrite (gS (o, c)).
- by rewrite mxE; case: existsP => // -[k /eqP<-]; rewrite (fS (i, k)).
pose x o i := g (o, (h o i).1); pose y o i := f (i, (h o i).2).
exists (\sum_o \sum_i W o i *: delta_mx (x o i) (y o i)); split=> [j' j nS|].
  rewrite summxE big1 // => o _; rewrite summxE big1 // => i _; rewrite !mxE.
  case: eqP => [ej'|]; last by rewrite mulr0.
  case: eqP => [ej|]; last by rewrite mulr0.
  by move: nS; rewrite ej' ej hP.
apply/matrixP => o i; rewrite mulmx_sumr mulmx_suml summxE (bigD1 o) //= [X in _ + X]big1 ?addr0 => [|o' ne]; last first.
  rewrite mulmx_sumr mulmx_suml summxE big1 // => i' _.
  by rewrite -scalemxAr -scalemxAl mxE entry_of_delta A_at (negbTE ne) mul0r mulr0.
rewrite mulmx_sumr mulmx_suml summxE (bigD1 i) //= [X in _ + X]big1 ?addr0 => [|i' ne]; last first.
  by rewrite -scalemxAr -scalemxAl mxE entry_of_delta B_at (negbTE ne) !mulr0.
by rewrite -scalemxAr -scalemxAl mxE entry_of_delta A_at B_at !eqxx !mulr1.
Qed.
End OneMap.

Section Law.
Variables (R : realFieldType) (n m N1 N2 : nat) (K C : finType) (p1 p2 p3 : R).
Local Notation lower := [finType of 'I_N1 * 'I_n].    (* edges from inputs to the first inner neurons *)
Local Notation middle := [finType of 'I_N2 * 'I_N1].
Local Notation upper := [finType of 'I_N2 * 'I_m].    (* edges from the second inner neurons to outputs *)
Local Notation outer := {ffun [finType of lower + upper] -> bool}.
Local Notation mask := {ffun [finType of middle + [finType of lower + upper]] -> bool}.
Implicit Types (w : mask) (u : {ffun middle -> bool}) (v : outer).

Definition outer_masks : lower + upper -> R := joint (fun _ : lower => p1) (fun _ : upper => p3).
Definition three_masks : middle + [finType of lower + upper] -> R := joint (fun _ : middle => p2) outer_masks.
Definition reads1 w j i : bool := w (inr (inl (j, i))).
Definition reads2 w j' j : bool := w (inl (j', j)).
Definition reads3 w o j' : bool := w (inr (inr (j', o))).

Hypotheses (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1) (h3 : 0 <= p3 <= 1).
Let P1 (e : lower) : 0 <= p1 <= 1. Proof. by []. Qed.
Let P2 (e : middle) : 0 <= p2 <= 1. Proof. by []. Qed.
Let P3 (e : upper) : 0 <= p3 <= 1. Proof. by []. Qed.
Let P13 e : 0 <= outer_masks e <= 1. Proof. by case: e. Qed.

(* every class of an input has an edge to every class of an output *)
Definition joined (f : {ffun 'I_n * K -> 'I_N1}) (g : {ffun 'I_m * C -> 'I_N2}) u : bool :=
  [forall x : 'I_m * 'I_n, exists ck : C * K, u (g (x.1, ck.1), f (x.2, ck.2))].
Definition unjoined : R := (m * n)%:R * (1 - p2) ^+ (#|C| * #|K|).

Lemma joined_law (f : {ffun 'I_n * K -> 'I_N1}) (g : {ffun 'I_m * C -> 'I_N2}) : injective f -> injective g -> 1 - unjoined <= Pr (fun _ : middle => p2) (joined f g).
Proof.
move=> fi gi; rewrite lerBlDr -lerBlDl -PrC.
pose S (x : 'I_m * 'I_n) (e : middle) := [exists ck : C * K, e == (g (x.1, ck.1), f (x.2, ck.2))].
apply: (@le_trans _ _ (Pr (fun _ : middle => p2) (fun u => [exists x, [forall e, S x e ==> ~~ u e]]))).
  apply: le_Pr => // u; rewrite /= negb_forall => /existsP[x no]; apply/existsP; exists x; apply/forallP => e.
  by apply/implyP => /existsP[ck /eqP->]; move: no; rewrite negb_exists => /forallP.
apply: le_trans (Pr_exists P2 _) _; rewrite (eq_bigr (fun=> (1 - p2) ^+ (#|C| * #|K|))) => [|x _].
  by rewrite sumr_const card_prod !card_ord -[X in X <= _]mulr_natl.
rewrite Pr_miss prodr_const; congr (_ ^+ _).
have inj : injective (fun ck : C * K => (g (x.1, ck.1), f (x.2, ck.2)) : middle).
  by move=> [c k] [c' k'] /= [/gi[->] /fi[->]].
rewrite -card_prod -(card_imset _ inj); apply: eq_card => e; rewrite unfold_in /=.
by apply/existsP/imsetP => [[ck /eqP->]|[ck _ ->]]; exists ck.
Qed.

(* rep: any decidable event that holds on all masks that contain all linear maps *)
Variable rep : pred mask.
Hypothesis repP : forall w, universal3 R (reads1 w) (reads2 w) (reads3 w) -> rep w.

Let low v : {ffun lower -> bool} := [ffun e => v (inl e)].
Let up v : {ffun upper -> bool} := [ffun e => v (inr e)].
Let coloured v : bool := @matchable [finType of 'I_n] K [finType of 'I_N1] (low v) && @matchable [finType of 'I_m] C [finType of 'I_N2] (up v).

Let coloured_law : Pr outer_masks coloured =
  Pr (fun _ : lower => p1) (@matchable [finType of 'I_n] K [finType of 'I_N1]) * Pr (fun _ : upper => p3) (@matchable [finType of 'I_m] C [finType of 'I_N2]).
Proof.
pose chance1 := Ex (fun _ : lower => p1) (fun a => (@matchable [finType of 'I_n] K [finType of 'I_N1] a)%:R).
transitivity (Ex (fun _ : upper => p3) (fun b => chance1 * (@matchable [finType of 'I_m] C [finType of 'I_N2] b)%:R)); last by rewrite ExZ.
rewrite /(Pr outer_masks) /outer_masks fubini; apply: eq_Ex => b; rewrite mulrC -ExZ; apply: eq_Ex => a.
have el : low (glue a b) = a by apply/ffunP => e; rewrite /low !ffunE.
have eu : up (glue a b) = b by apply/ffunP => e; rewrite /up !ffunE.
by rewrite /coloured el eu -mulnb natrM mulrC.
Qed.

Theorem three_factors (z1 : 'I_N1) (z2 : 'I_N2) :
  1 - (hall_failure [finType of 'I_n] K [finType of 'I_N1] p1 + hall_failure [finType of 'I_m] C [finType of 'I_N2] p3 + unjoined) <= Pr three_masks rep.
Proof.
have un0 : 0 <= unjoined by rewrite mulr_ge0 ?ler0n ?exprn_ge0 ?subr_ge0 //; case/andP: h2.
have c1 := Pr_le1 P1 (@matchable [finType of 'I_n] K [finType of 'I_N1]); have c3 := Pr_le1 P3 (@matchable [finType of 'I_m] C [finType of 'I_N2]).
have l1 : 1 - hall_failure [finType of 'I_n] K [finType of 'I_N1] p1 <= Pr (fun _ : lower => p1) (@matchable [finType of 'I_n] K [finType of 'I_N1]) by exact: matchable_law.
have l3 : 1 - hall_failure [finType of 'I_m] C [finType of 'I_N2] p3 <= Pr (fun _ : upper => p3) (@matchable [finType of 'I_m] C [finType of 'I_N2]) by exact: matchable_law.
have both : 1 - (hall_failure [finType of 'I_n] K [finType of 'I_N1] p1 + hall_failure [finType of 'I_m] C [finType of 'I_N2] p3) <= Pr outer_masks coloured.
  by apply: (two_chances c1 c3 l1 l3 (lexx _) (lexx _)); rewrite coloured_law.
have un1 : 1 - unjoined <= 1 by rewrite lerBlDr lerDl.
apply: (@two_chances R _ (1 - unjoined) _ _ _ _ _ (Pr_le1 P13 coloured) un1 both (lexx _) (lexx _) (lexx _)).
rewrite /(Pr three_masks) /three_masks fubini mulrC -ExZ; apply: (le_Ex P13) => v.
rewrite -[Ex _ _]/(Pr (fun _ : middle => p2) (fun u => rep (glue u v))).
case: (boolP (coloured v)) => [/andP[/existsP[f /andP[/injectiveP fi /forallP fv]]]|_]; last by rewrite mulr0 Pr_ge0.
move=> /existsP[g /andP[/injectiveP gi /forallP gv]]; rewrite mulr1.
apply: le_trans (joined_law fi gi) _; apply: (le_Pr P2) => u /forallP j; apply: repP.
apply: (@colouring R n m N1 N2 _ _ _ K C f g) => // [x|y|o i].
- by have := fv x; rewrite /low /reads1 !ffunE.
- by have := gv y; rewrite /up /reads3 !ffunE.
by have /existsP[ck uck] := j (o, i); exists ck; rewrite /reads2 ffunE.
Qed.
End Law.
