(* Factored sources, drawn at random: how often two masks hold every linear map (Hall's sum, the dual).              *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import bernoulli exact_laws hall factored.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* events that depend on disjoint groups of edges and have one probability: their number is binomial *)
Section Groups.
Variables (R : realFieldType) (E B : finType) (p : E -> R) (grp : E -> B) (chance : R).
Variable A : B -> pred {ffun E -> bool}.
Hypothesis local : forall b, local_to grp b (A b).
Hypothesis same : forall b, Pr p (A b) = chance.

Lemma groups_law (F : nat -> R) :
  Ex p (fun w => F #|[pred b | A b w]|) = \sum_(k < #|B|.+1) bin_mass chance #|B| k * F k.
Proof.
rewrite -(binomial_law B chance F).
transitivity (Ex p (fun w => \sum_(u : {ffun B -> bool}) F #|[pred b | u b]| * \prod_b (A b w == u b)%:R)).
  apply: eq_Ex => w; rewrite (bigD1 [ffun b => A b w]) //= [X in _ + X]big1 ?addr0.
    rewrite big1 ?mulr1 => [|b _]; last by rewrite ffunE eqxx.
    by congr (F _); apply: eq_card => b; rewrite !inE ffunE.
  move=> u /eqP ne; have [b nb] : exists b, A b w != u b.
    apply/existsP; rewrite -negb_forall; apply/negP => /forallP h; apply: ne.
    by apply/ffunP => b; rewrite ffunE (eqP (h b)).
  by rewrite (bigD1 b) //= (negbTE nb) mul0r mulr0.
rewrite Ex_sum; apply: eq_bigr => u _; rewrite ExZ mulrC; congr (_ * _).
rewrite (@Ex_blocks _ _ p _ grp (fun b w => (A b w == u b)%:R)); last first.
  by move=> b w w' h; rewrite (local h).
apply: eq_bigr => b _; rewrite /wt; case: (u b).
  by rewrite -(same b); apply: eq_Ex => w; rewrite eqb_id.
rewrite -(same b) -PrC; apply: eq_Ex => w; congr (_%:R); by rewrite eqbF_neg.
Qed.
End Groups.

Section Factored.
Variables (R : realFieldType) (n m N : nat) (p1 p2 : R).
Local Notation upper := [finType of 'I_m * 'I_N].  (* edges from inner neurons to outputs *)
Local Notation lower := [finType of 'I_N * 'I_n].  (* edges from inputs to inner neurons *)
Local Notation mask := {ffun [finType of upper + lower] -> bool}.
Implicit Types (a : {ffun lower -> bool}) (b : {ffun upper -> bool}) (T : {set 'I_m}) (U : {set 'I_N}).

Definition two_masks : upper + lower -> R := joint (fun _ : upper => p2) (fun _ : lower => p1).
Definition reads (w : mask) (j : 'I_N) (i : 'I_n) : bool := w (inr (j, i)).
Definition read_by (w : mask) (o : 'I_m) (j : 'I_N) : bool := w (inl (o, j)).

(* Hall's sum for m rows and k columns; 1 where there are too few columns *)
Definition hall_sum (k : nat) : R :=
  \sum_(1 <= t < m.+1) ('C(m, t) * 'C(k, t.-1))%:R * (1 - p2) ^+ (t * (k - t.-1)).
Definition lost (k : nat) : R := if (k < m)%N then 1 else Num.min 1 (hall_sum k).

Definition readers a (i : 'I_n) : {set 'I_N} := [set j | a (j, i)].
Definition met a b i T : {set 'I_N} := [set j in readers a i | [exists o, (o \in T) && b (o, j)]].
Definition bad a b i : bool := [exists T : {set 'I_m}, (#|met a b i T| < #|T|)%N].

Lemma matchings a b (j0 : 'I_N) : ~~ [exists i, bad a b i] -> dual_matching (reads (glue b a)) (read_by (glue b a)).
Proof.
rewrite negb_exists => /forallP ok i.
have [|c [ci cr]] := @hall_theorem _ _ j0 (fun o => [set j in readers a i | b (o, j)]).
  move=> T; have := ok i; rewrite /bad negb_exists => /forallP/(_ T); rewrite -leqNgt => /leq_trans; apply.
  apply: subset_leq_card; apply/subsetP => j; rewrite inE => /andP[ji /existsP[o /andP[oT oj]]].
  by apply/bigcupP; exists o; rewrite // inE ji.
by exists c; split=> [//|o|o]; rewrite /reads /read_by ffunE; have := cr o; rewrite !inE => /andP[].
Qed.

Hypotheses (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1).
Let P2 (e : upper) : 0 <= p2 <= 1. Proof. by []. Qed.
Let P01 e : 0 <= two_masks e <= 1. Proof. by case: e. Qed.

(* given which neurons read input i: some rows T miss all columns but U, one fewer than they are *)
Let misses a i (x : {set 'I_m} * {set 'I_N}) b : bool :=
  [&& x.1 != set0, x.2 \subset readers a i, #|x.2| == #|x.1|.-1 &
    [forall e : upper, ((e.1 \in x.1) && (e.2 \in readers a i :\: x.2)) ==> ~~ b e]].

Lemma misses_law a i T U : Pr (fun _ : upper => p2) (misses a i (T, U)) =
  if [&& T != set0, U \subset readers a i & #|U| == #|T|.-1]
  then (1 - p2) ^+ (#|T| * (#|readers a i| - #|T|.-1)) else 0.
Proof.
rewrite /misses /=; case: ifP => [/and3P[T0 UK /eqP UT]|no]; last first.
  rewrite -[RHS](Ex_cst (fun _ : upper => p2)); apply: eq_Ex => b.
  by move: no; case: (T != set0); case: (U \subset _); case: (#|U| == _).
transitivity (Pr (fun _ : upper => p2)
    (fun b => [forall e : upper, ((e.1 \in T) && (e.2 \in readers a i :\: U)) ==> ~~ b e])).
  by apply: eq_Pr => b; rewrite T0 UK UT eqxx.
rewrite (Pr_miss _ (fun e : upper => (e.1 \in T) && (e.2 \in readers a i :\: U))) prodr_const; congr (_ ^+ _).
rewrite -UT -(cardsDS UK) -cardX.
by apply: eq_card => -[o j]; rewrite unfold_in !inE.
Qed.

Lemma bad_law a i : Pr (fun _ : upper => p2) (fun b => bad a b i) <= lost #|readers a i|.
Proof.
set k := #|readers a i|; have le1 := @Pr_le1 _ _ _ P2 (fun b => bad a b i).
rewrite /lost; case: ltnP => // mk; rewrite le_minr le1 /=.
apply: (@le_trans _ _ (Pr (fun _ : upper => p2) (fun b => [exists x, misses a i x b]))).
  apply: le_Pr => // b /existsP[T lt].
  have Tm : (#|T| <= m)%N by apply: leq_trans (max_card _) _; rewrite card_ord.
  have T0 : T != set0 by apply/eqP => e; move: lt; rewrite e cards0.
  have metK : met a b i T \subset readers a i by apply/subsetP => j; rewrite inE => /andP[].
  (* add columns until there is one fewer than rows *)
  have [U [mU UK UT]] : exists U, [/\ met a b i T \subset U, U \subset readers a i & #|U| = #|T|.-1].
    have le : (#|T|.-1 - #|met a b i T| <= #|readers a i :\: met a b i T|)%N.
      by rewrite cardsDS // leq_sub2r // (leq_trans (leq_pred _)) // (leq_trans Tm).
    have [V] : exists V, V \in [set V : {set 'I_N} | (V \subset readers a i :\: met a b i T) & #|V| == (#|T|.-1 - #|met a b i T|)%N].
      by apply/set0Pn; rewrite -card_gt0 cards_draws bin_gt0.
    rewrite inE => /andP[VK /eqP cV]; exists (met a b i T :|: V); split; first exact: subsetUl.
      by rewrite subUset metK (subset_trans VK) // subsetDl.
    rewrite cardsU (_ : met a b i T :&: V = set0) ?cards0 ?subn0 ?cV.
      by rewrite subnKC // -ltnS prednK // card_gt0.
    by apply/setP => j; rewrite inE in_set0; apply/negbTE/negP => /andP[jm /(subsetP VK)]; rewrite inE jm.
  apply/existsP; exists (T, U); rewrite /misses /= T0 UK UT eqxx /=.
  apply/forallP => -[o j] /=; apply/implyP => /andP[oT]; rewrite inE => /andP[jU jK].
  apply: contra jU => bj; apply: (subsetP mU); rewrite inE jK /=.
  by apply/existsP; exists o; rewrite oT.
apply: le_trans (Pr_exists P2 _) _.
rewrite -(pair_bigA _ (fun T U => Pr (fun _ : upper => p2) (misses a i (T, U)))) /=.
have card_le T : (#|T| < m.+1)%N by rewrite ltnS -[m in (_ <= m)%N]card_ord max_card.
rewrite (partition_big (fun T => Ordinal (card_le T)) xpredT) //= /hall_sum.
rewrite big_ord_recl big_add1 /= big_mkord [X in X + _]big1 ?add0r => [|T /eqP[T0]]; last first.
  by rewrite big1 // => U _; rewrite misses_law (cards0_eq T0) eqxx.
apply: ler_sum => t _; set y := (1 - p2) ^+ _.
have size T : (Ordinal (card_le T) == lift ord0 t) = (#|T| == t.+1).
  by apply/eqP/eqP => e; [have := congr1 (@nat_of_ord m.+1) e; rewrite /= /bump leq0n add1n|exact: val_inj].
rewrite (eq_bigl (fun T => #|T| == t.+1) _ size) (eq_bigr (fun=> 'C(k, t)%:R * y)) => [|T /eqP cT].
  rewrite sumr_const natrM -mulrA -[X in X <= _]mulr_natl.
  rewrite (_ : #|_| = 'C(m, t.+1)) // -[m in 'C(m, _)]card_ord -card_draws; apply: eq_card => T.
  by rewrite !inE.
rewrite (eq_bigr (fun U => if U \in [set U : {set 'I_N} | (U \subset readers a i) & #|U| == t] then y else 0)) => [|U _].
  by rewrite -big_mkcond /= sumr_const cards_draws -[LHS]mulr_natl.
by rewrite misses_law inE cT -cards_eq0 cT.
Qed.

(* the chance that an input has no matching; Hall's sum given the neurons that read it *)
Lemma fails_law : Pr two_masks (fun w => [exists i, bad [ffun e => w (inr e)] [ffun e => w (inl e)] i]) <=
  n%:R * (\sum_(k < N.+1) bin_mass p1 N k * lost k).
Proof.
pose fails (w : mask) := [exists i, bad [ffun e => w (inr e)] [ffun e => w (inl e)] i].
have glued a b : fails (glue b a) = [exists i, bad a b i].
  have ea : [ffun e => glue b a (inr e)] = a by apply/ffunP => e; rewrite !ffunE.
  have eb : [ffun e => glue b a (inl e)] = b by apply/ffunP => e; rewrite !ffunE.
  by rewrite /fails ea eb.
rewrite -/fails /Pr /two_masks fubini.
apply: (@le_trans _ _ (Ex (fun _ : lower => p1) (fun a => \sum_(i : 'I_n) lost #|readers a i|))).
  apply: le_Ex => // a; rewrite (eq_Ex _ (g := fun b => ([exists i, bad a b i])%:R)) => [|b]; last by rewrite glued.
  apply: le_trans (Pr_exists P2 _) _; apply: ler_sum => i _; exact: bad_law.
rewrite Ex_sum (eq_bigr (fun=> \sum_(k < N.+1) bin_mass p1 N k * lost k)) => [|i _].
  by rewrite sumr_const card_ord mulr_natl.
have law := @groups_law _ _ _ (fun _ : lower => p1) fst p1 (fun j a => a (j, i)) _ _ lost.
move: law; rewrite card_ord => <- => [|j a a' h|j]; last 2 first.
- exact: h.
- transitivity (Pr (fun _ : lower => p1) (fun a => [exists e, (e == (j, i)) && a e])).
    apply: eq_Pr => a; apply/idP/existsP => [h|[e /andP[/eqP->]]] //; by exists (j, i); rewrite eqxx.
  by rewrite (Pr_hit _ (pred1 (j, i))) big_pred1_eq subKr.
by apply: eq_Ex => a; congr lost; apply: eq_card => j; rewrite !inE.
Qed.

(* rep: any decidable event that holds on every pair of masks that contains all linear maps *)
Variable rep : pred mask.
Hypothesis repP : forall w, contains_all R (reads w) (read_by w) -> rep w.

Theorem factored_law : (0 < N)%N ->
  1 - n%:R * (\sum_(k < N.+1) bin_mass p1 N k * lost k) <= Pr two_masks rep.
Proof.
move=> N0; pose fails (w : mask) := [exists i, bad [ffun e => w (inr e)] [ffun e => w (inl e)] i].
apply: (@le_trans _ _ (Pr two_masks (predC fails))); first by rewrite PrC ler_add2l ler_opp2 fails_law.
apply: le_Pr => // w /=; rewrite /fails => ok; apply: repP; apply: either_matching; left.
have e : glue [ffun e => w (inl e)] [ffun e => w (inr e)] = w by apply/ffunP => -[e|e]; rewrite !ffunE.
by have := matchings (Ordinal N0) ok; rewrite e.
Qed.
End Factored.
