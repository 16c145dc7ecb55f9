(* Layer 0 masked too, one hidden layer: which of its neurons hands on which input is chosen after the mask is seen.  *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction exact_laws hall factored_law factored_network dropped_copies.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Lemma two_chances (R : realFieldType) (x y h s eta loss p : R) : x <= 1 -> y <= 1 -> 1 - h <= x -> 1 - s <= y ->
  h <= eta -> s <= loss -> x * y <= p -> 1 - (eta + loss) <= p.
Proof.
move=> x1 y1 hx sy he sl /(le_trans _); apply.
have x0 : 1 - eta <= x by apply: le_trans hx; rewrite lerD2l lerN2.
have y0 : 1 - loss <= y by apply: le_trans sy; rewrite lerD2l lerN2.
have both : 0 <= (1 - x) * (1 - y) by rewrite mulr_ge0 ?subr_ge0.
rewrite -subr_ge0; move: both x0 y0; rewrite -[1 - eta <= x]subr_ge0 -[1 - loss <= y]subr_ge0.
have -> : x * y - (1 - (eta + loss)) = (1 - x) * (1 - y) + ((x - (1 - eta)) + (y - (1 - loss))) by ring.
by move=> a c d; exact: addr_ge0 a (addr_ge0 c d).
Qed.

Section Masked.
Variables (R : realFieldType) (I J O K C Z : finType) (p0 p1 p2 : R).
Variables (W1 : J -> I -> R) (W2 : O -> J -> R).
Local Notation lower := [finType of Z * I].                                  (* from inputs to layer 0, the neurons Z *)
Local Notation upper := [finType of ((J * C) * Z)%type + (O * (J * C))%type].
Local Notation mask := {ffun [finType of upper + lower] -> bool}.
Local Notation reduced := {ffun [finType of ((J * C) * (I * K))%type + (O * (J * C))%type] -> bool}.
Implicit Types (w : mask) (a : {ffun lower -> bool}) (f : {ffun I * K -> Z}).

Definition upper_density : upper -> R := joint (fun _ : (J * C) * Z => p1) (fun _ : O * (J * C) => p2).
Definition all_masked : upper + lower -> R := joint upper_density (fun _ : lower => p0).

Variables (act : R -> R) (b1 : J -> R) (b2 : O -> R) (lo : I -> R).
Definition source0 (u : Z -> I -> R) (c0 : Z -> R) (v : J * C -> Z -> R) (c1 : J * C -> R)
    (s : O -> J * C -> R) (e : O -> R) (x : I -> R) (o : O) : R :=
  \sum_jc s o jc * act (\sum_z v jc z * relu (\sum_i u z i * x i + c0 z) + c1 jc) + e o.
(* weights on the mask, in layer 0 too, that compute what the target computes, where lo <= x *)
Definition represented0 w : Prop :=
  exists u c0 v c1 s e, [/\ forall z i, ~~ w (inr (z, i)) -> u z i = 0,
    forall jc z, ~~ w (inl (inl (jc, z))) -> v jc z = 0, forall o jc, ~~ w (inl (inr (o, jc))) -> s o jc = 0
    & forall x, (forall i, lo i <= x i) -> forall o, source0 u c0 v c1 s e x o = target2 W1 W2 act b1 b2 x o].

(* f i k is the k-th neuron that hands on input i, if the mask lets it: what is left of a mask for the copies *)
Definition seen f w : reduced :=
  [ffun e => match e with
    | inl x => w (inl (inl (x.1, f x.2))) && w (inr (f x.2, x.2.1))
    | inr x => w (inl (inr x))
    end].

Lemma transport f w : injective f -> drop_ok W1 W2 (seen f w) -> represented0 w.
Proof.
move=> fi /(drop_construction_id act b1 b2 lo)[v [c1 [s [e [hv hs eq]]]]].
pose inv z := [pick ik | f ik == z].
exists (fun z i => if inv z is Some ik then (if w (inr (z, ik.1)) then (ik.1 == i)%:R else 0) else 0).
exists (fun z => if inv z is Some ik then - lo ik.1 else 0).
exists (fun jc z => if inv z is Some ik then v jc ik else 0), c1, s, e; split=> [z i|jc z|o jc n|x bx o].
- rewrite /inv; case: pickP => // ik _; case: ifP => // wz; case: eqP => // <-; by rewrite wz.
- rewrite /inv; case: pickP => // ik /eqP fz n; apply: hv; rewrite ffunE /= fz; by rewrite (negbTE n).
- by apply: hs; rewrite ffunE.
rewrite -(eq x bx o) /source0 /source2; congr (_ + _); apply: eq_bigr => jc _; congr (_ * act (_ + _)).
rewrite [RHS](partition_big f xpredT) //=; apply: eq_bigr => z _; rewrite /inv; case: pickP => [ik /eqP fz|none].
  rewrite (big_pred1 ik) => [|ik'] /=; last by rewrite -fz (inj_eq fi).
  case: (boolP (w (inr (z, ik.1)))) => // dead; rewrite (hv jc ik) ?mul0r //.
  by rewrite ffunE /= fz (negbTE dead) andbF.
by rewrite mul0r big_pred0.
Qed.

(* q neurons for every input, each with an edge to it *)
Definition assigns f a : bool := injectiveb f && [forall ik, a (f ik, ik.1)].
Definition matchable a : bool := [exists f, assigns f a].

Let place f (e : [finType of ((J * C) * (I * K))%type + (O * (J * C))%type]) : upper :=
  match e with inl x => inl (x.1, f x.2) | inr x => inr x end.

Hypotheses (h0 : 0 <= p0 <= 1) (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1).
Let P0 (e : lower) : 0 <= p0 <= 1. Proof. by []. Qed.
Let P12 e : 0 <= upper_density e <= 1. Proof. by case: e. Qed.

(* given the mask of layer 0, the law of the layers above is that of a dense layer 0 *)
Lemma seen_law f a : assigns f a ->
  Pr upper_density (fun u => drop_ok W1 W2 (seen f (glue u a))) = Pr (dens p1 p2) (drop_ok W1 W2 : pred reduced).
Proof.
move=> /andP[/injectiveP fi /forallP alive].
have pi : injective (place f).
  by move=> [[jc ik]|x] [[jc' ik']|x'] //= []; [move=> -> /fi->|move=> ->].
rewrite /Pr -[RHS](_ : Ex (fun e => upper_density (place f e)) (fun r : reduced => (drop_ok W1 W2 r)%:R) = _); last first.
  by apply: eq_bigr => r _; congr (_ * _); apply: eq_bigr => -[x|x] _.
rewrite -(Ex_part upper_density pi); apply: eq_Ex => u; congr (drop_ok _ _ _)%:R.
by apply/ffunP => -[x|x]; rewrite !ffunE //= alive andbT.
Qed.

Variable rep : pred mask.
Hypothesis repP : forall w, represented0 w -> rep w.

Theorem matched_law : Pr (fun _ : lower => p0) matchable * Pr (dens p1 p2) (drop_ok W1 W2 : pred reduced) <= Pr all_masked rep.
Proof.
rewrite /(Pr all_masked) /all_masked fubini mulrC -ExZ; apply: le_Ex => // a; rewrite -[Ex _ _]/(Pr upper_density (fun u => rep (glue u a))).
case: (boolP (matchable a)) => [/existsP[f fa]|_]; last by rewrite mulr0 Pr_ge0.
rewrite mulr1 -(seen_law fa); apply: le_Pr => // u /transport ok; apply/repP/ok.
by have /andP[/injectiveP] := fa.
Qed.

(* Hall: some inputs are read by too few neurons, or all get theirs *)
Definition reach a (T : {set I}) : {set Z} := [set z | [exists i, (i \in T) && a (z, i)]].
Definition few (s : nat) : R :=
  \sum_(k < #|Z|.+1) bin_mass (1 - (1 - p0) ^+ s) #|Z| k * (k < #|K| * s)%N%:R.
Definition hall_failure : R := \sum_(1 <= s < #|I|.+1) 'C(#|I|, s)%:R * few s.

Lemma matchable_or a (z0 : Z) : ~~ matchable a -> exists T, (#|reach a T| < #|K| * #|T|)%N.
Proof.
move=> no; apply/existsP; rewrite -[X in is_true X]negbK negb_exists; apply: contra no => /forallP all.
have [|f [fi fa]] := @hall_theorem _ _ z0 (fun ik : I * K => [set z | a (z, ik.1)]).
  move=> S; pose T := [set ik.1 | ik in S].
  apply: (@leq_trans (#|K| * #|T|)).
    rewrite mulnC -cardsT -cardsX; apply: subset_leq_card; apply/subsetP => -[i k] ik.
    by rewrite inE /= inE andbT; apply/imsetP; exists (i, k).
  have := all T; rewrite -leqNgt => /leq_trans; apply; apply: subset_leq_card; apply/subsetP => z.
  rewrite inE => /existsP[i /andP[/imsetP[ik ikS ->] zi]]; apply/bigcupP; exists ik => //.
  by rewrite inE.
apply/existsP; exists [ffun ik => f ik]; apply/andP; split.
  by apply/injectiveP => x y; rewrite !ffunE => /fi.
by apply/forallP => ik; rewrite ffunE; have := fa ik; rewrite inE.
Qed.

Lemma reach_law (T : {set I}) :
  Pr (fun _ : lower => p0) (fun a => (#|reach a T| < #|K| * #|T|)%N) = few #|T|.
Proof.
have law := @groups_law R lower Z (fun _ => p0) fst (1 - (1 - p0) ^+ #|T|)
  (fun z a => [exists i, (i \in T) && a (z, i)]) _ _ (fun k => (k < #|K| * #|T|)%N%:R).
rewrite /few -law => [|z a a' h|z].
- apply: eq_Ex => a; congr (_ < _)%N%:R; by apply: eq_card => z; rewrite !inE.
- by apply: eq_existsb => i; rewrite h.
transitivity (Pr (fun _ : lower => p0) (fun a => [exists e : lower, ((e.1 == z) && (e.2 \in T)) && a e])).
  apply: eq_Pr => a; apply/existsP/existsP => [[i /andP[iT ai]]|[[z' i] /= /andP[/andP[/eqP-> iT] ai]]].
    by exists (z, i); rewrite /= eqxx iT.
  by exists i; rewrite iT.
rewrite (Pr_hit _ (fun e : lower => (e.1 == z) && (e.2 \in T))) prodr_const; congr (1 - _ ^+ _).
have gi : injective (fun i : I => (z, i)) by move=> i j [].
rewrite -(card_imset _ gi); apply: eq_card => -[z' i]; rewrite unfold_in /=.
by apply/andP/imsetP => [[/eqP-> iT]|[i' iT [-> ->]]]; [exists i|rewrite eqxx].
Qed.

Theorem matchable_law (z0 : Z) : 1 - hall_failure <= Pr (fun _ : lower => p0) matchable.
Proof.
rewrite lerBlDr -lerBlDl -PrC.
apply: (@le_trans _ _ (Pr (fun _ : lower => p0) (fun a => [exists T : {set I}, (#|reach a T| < #|K| * #|T|)%N]))).
  by apply: le_Pr => // a /(matchable_or z0)[T h]; apply/existsP; exists T.
apply: le_trans (Pr_exists P0 _) _; rewrite (eq_bigr _ (fun T _ => reach_law T)).
have card_le (T : {set I}) : (#|T| < #|I|.+1)%N by rewrite ltnS max_card.
rewrite (partition_big (fun T => Ordinal (card_le T)) xpredT) //= /hall_failure big_add1 /= big_mkord big_ord_recl.
rewrite [X in X + _]big1 ?add0r => [|T /eqP[T0]]; last first.
  by rewrite T0 /few big1 // => k _; rewrite muln0 mulr0.
apply: ler_sum => s _.
have size (T : {set I}) : (Ordinal (card_le T) == lift ord0 s) = (#|T| == s.+1).
  by apply/eqP/eqP => e; [have := congr1 (@nat_of_ord _) e; rewrite /= /bump leq0n add1n|exact: val_inj].
rewrite (eq_bigl (fun T : {set I} => #|T| == s.+1) _ size) (eq_bigr (fun=> few s.+1)) => [|T /eqP-> //].
rewrite sumr_const -[X in X <= _]mulr_natl (_ : #|_| = 'C(#|I|, s.+1)) // -card_draws.
by apply: eq_card => T; rewrite !inE.
Qed.

(* inputs are copied by a matching, and bad copies of hidden neurons are left out *)
Theorem masked_drop (z0 : Z) (eta loss : R) : hall_failure <= eta ->
  \sum_(x : O * J | W2 x.1 x.2 != 0) (1 - p2 * g K p1 W1 x.2) ^+ #|C| <= loss -> 1 - (eta + loss) <= Pr all_masked rep.
Proof.
move=> hall lost; have D01 e : 0 <= dens (I := I) (J := J) (O := O) (K := K) (C := C) p1 p2 e <= 1 by case: e.
have dr := @drop_bound R I J O K C p1 p2 W1 W2 h1 h2.
have dl := @Pr_le1 _ _ _ D01 (drop_ok W1 W2); have ml := @Pr_le1 _ _ _ P0 matchable.
exact: (two_chances ml dl (matchable_law z0) dr hall lost matched_law).
Qed.
End Masked.
