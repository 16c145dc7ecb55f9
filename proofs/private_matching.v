(* Private matching: every neuron of the last hidden layer serves one output, chosen after its mask is seen.          *)
From mathcomp Require Import all_ssreflect all_algebra.
From ERProofs Require Import names bernoulli exact_laws hall factored_law.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Private.
Variables (R : realFieldType) (O J Z : finType) (p : R).
Variable need : O -> J -> bool.  (* which target neurons an output reads *)
Local Notation edges := [finType of O * Z].  (* from the neurons Z to the outputs *)
Implicit Types (w : {ffun edges -> bool}) (T : {set O}).

(* a neuron of its own for every pair of an output and a target neuron that it reads, along an edge *)
Definition private_on w (f : O * J -> Z) : Prop :=
  {in [pred x | need x.1 x.2] &, injective f} /\ forall x, need x.1 x.2 -> w (x.1, f x).
Definition assigned w (f : {ffun O * J -> Z}) : bool :=
  dinjectiveb f [pred x | need x.1 x.2] && [forall x, need x.1 x.2 ==> w (x.1, f x)].
Definition private w : bool := [exists f, assigned w f].

Lemma privateP w : reflect (exists f, private_on w f) (private w).
Proof.
apply: (iffP existsP) => [[f /andP[/dinjectiveP fi /forallP fw]]|[f [fi fw]]].
  exists f; split=> [//|x nx].
  by have := fw x; rewrite nx.
exists (finfun f); apply/andP; split; last by apply/forallP => x; apply/implyP => nx; rewrite ffunE fw.
by apply/dinjectiveP => x y nx ny; rewrite !ffunE; exact: fi.
Qed.

Definition meets w T : {set Z} := [set z | [exists o, (o \in T) && w (o, z)]].
Definition demand T : nat := \sum_(o in T) #|[pred j | need o j]|.
(* the chance that the outputs T are adjacent to fewer neurons than they need together *)
Definition too_few T : R := \sum_(k < #|Z|.+1) bin_mass (1 - (1 - p) ^+ #|T|) #|Z| k * (k < demand T)%N%:R.

Lemma private_or w (z0 : Z) : ~~ private w -> exists T, (#|meets w T| < demand T)%N.
Proof.
move=> no; apply/existsP; rewrite -[X in is_true X]negbK negb_exists; apply: contra no => /forallP all.
pose X := [set x : O * J | need x.1 x.2].
have [|f [fi fw]] := @hall_on _ _ z0 #|X| X (fun x : O * J => [set z | w (x.1, z)]) (leqnn _).
  move=> S SX; pose T := [set x.1 | x in S].
  apply: (@leq_trans (demand T)).
    rewrite /demand -sum1_card (partition_big (fun x : O * J => x.1) (fun o => o \in T)) /= => [|x xS]; last by apply/imsetP; exists x.
    apply: leq_sum => o _; rewrite sum1_card -[X in (_ <= X)%N](card_imset (f := fun j => (o, j))); last by move=> j j' [].
    apply: subset_leq_card; apply/subsetP => -[o' j]; rewrite unfold_in /= => /andP[xS /eqP <-].
    by apply/imsetP; exists j => //; rewrite inE; have := subsetP SX _ xS; rewrite inE.
  have := all T; rewrite -leqNgt => /leq_trans; apply; apply: subset_leq_card; apply/subsetP => z.
  rewrite inE => /existsP[o /andP[/imsetP[x xS ->] xz]]; apply/bigcupP; exists x => //.
  by rewrite inE.
apply/privateP; exists f; split=> [x y nx ny|x nx]; first by apply: fi; rewrite inE.
by have := fw x; rewrite !inE => /(_ nx).
Qed.

Lemma meets_law T : Pr (fun _ : edges => p) (fun w => (#|meets w T| < demand T)%N) = too_few T.
Proof.
have law := @groups_law R edges Z (fun _ => p) snd (1 - (1 - p) ^+ #|T|)
  (fun z w => [exists o, (o \in T) && w (o, z)]) _ _ (fun k => (k < demand T)%N%:R).
rewrite /too_few -law => [|z w w' h|z].
- apply: eq_Ex => w; congr (_ < _)%N%:R; by apply: eq_card => z; rewrite !inE.
- by apply: eq_existsb => o; rewrite h.
transitivity (Pr (fun _ : edges => p) (fun w => [exists e : edges, ((e.2 == z) && (e.1 \in T)) && w e])).
  apply: eq_Pr => w; apply/existsP/existsP => [[o /andP[oT wo]]|[[o z'] /= /andP[/andP[/eqP-> oT] wo]]].
    by exists (o, z); rewrite /= eqxx oT.
  by exists o; rewrite oT.
rewrite (Pr_hit _ (fun e : edges => (e.2 == z) && (e.1 \in T))) prodr_const; congr (1 - _ ^+ _).
have gi : injective (fun o : O => (o, z)) by move=> o o' [].
rewrite -(card_imset _ gi); apply: eq_card => -[o z']; rewrite unfold_in /=.
by apply/andP/imsetP => [[/eqP-> oT]|[o' oT [-> ->]]]; [exists o|rewrite eqxx].
Qed.

Hypothesis p01 : 0 <= p <= 1.

Theorem private_law (z0 : Z) : 1 - \sum_(T : {set O} | T != set0) too_few T <= Pr (fun _ : edges => p) private.
Proof.
have P01 (e : edges) : 0 <= p <= 1 by [].
rewrite lerBlDr -lerBlDl -PrC.
apply: (@le_trans _ _ (Pr (fun _ : edges => p) (fun w => [exists T : {set O}, (#|meets w T| < demand T)%N]))).
  by apply: le_Pr => // w /(private_or z0)[T h]; apply/existsP; exists T.
apply: le_trans (Pr_exists P01 _) _; rewrite (eq_bigr _ (fun T _ => meets_law T)).
rewrite (bigID (pred1 set0)) /= big_pred1_eq [X in X + _ <= _](_ : _ = 0) ?add0r //.
by rewrite /too_few /demand big1 // => k _; rewrite big_set0 mulr0.
Qed.
End Private.
