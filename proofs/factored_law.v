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
(* the neurons of U that an output of T reads; U is bad if some set of outputs meets too few of them *)
Definition met b U T : {set 'I_N} := [set j in U | [exists o, (o \in T) && b (o, j)]].
Definition bad_on b U : bool := [exists T : {set 'I_m}, (#|met b U T| < #|T|)%N].
Definition bad a b i : bool := bad_on b (readers a i).

Lemma matchings a b (j0 : 'I_N) : ~~ [exists i, bad a b i] -> dual_matching (reads (glue b a)) (read_by (glue b a)).
Proof.
rewrite negb_exists => /forallP ok i.
have [|c [ci cr]] := @hall_theorem _ _ j0 (fun o => [set j in readers a i | b (o, j)]).
  move=> T; have := ok i; rewrite /bad /bad_on negb_exists => /forallP/(_ T); rewrite -leqNgt => /leq_trans; apply.
  apply: subset_leq_card; apply/subsetP => j; rewrite inE => /andP[ji /existsP[o /andP[oT oj]]].
  by apply/bigcupP; exists o; rewrite // inE ji.
by exists c; split=> [//|o|o]; rewrite /reads /read_by ffunE; have := cr o; rewrite !inE => /andP[].
Qed.

Hypotheses (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1).
Let P2 (e : upper) : 0 <= p2 <= 1. Proof. by []. Qed.
Let P01 e : 0 <= two_masks e <= 1. Proof. by case: e. Qed.

(* some rows T miss all columns of K but U, one fewer than they are *)
Let misses (K : {set 'I_N}) (x : {set 'I_m} * {set 'I_N}) b : bool :=
  [&& x.1 != set0, x.2 \subset K, #|x.2| == #|x.1|.-1 &
    [forall e : upper, ((e.1 \in x.1) && (e.2 \in K :\: x.2)) ==> ~~ b e]].

Lemma misses_law K T U : Pr (fun _ : upper => p2) (misses K (T, U)) =
  if [&& T != set0, U \subset K & #|U| == #|T|.-1]
  then (1 - p2) ^+ (#|T| * (#|K| - #|T|.-1)) else 0.
Proof.
rewrite /misses /=; case: ifP => [/and3P[T0 UK /eqP UT]|no]; last first.
  rewrite -[RHS](Ex_cst (fun _ : upper => p2)); apply: eq_Ex => b.
  by move: no; case: (T != set0); case: (U \subset _); case: (#|U| == _).
transitivity (Pr (fun _ : upper => p2)
    (fun b => [forall e : upper, ((e.1 \in T) && (e.2 \in K :\: U)) ==> ~~ b e])).
  by apply: eq_Pr => b; rewrite T0 UK UT eqxx.
rewrite (Pr_miss _ (fun e : upper => (e.1 \in T) && (e.2 \in K :\: U))) prodr_const; congr (_ ^+ _).
rewrite -UT -(cardsDS UK) -cardX.
by apply: eq_card => -[o j]; rewrite unfold_in !inE.
Qed.

Lemma bad_law K : Pr (fun _ : upper => p2) (fun b => bad_on b K) <= lost #|K|.
Proof.
set k := #|K|; have le1 := @Pr_le1 _ _ _ P2 (fun b => bad_on b K).
rewrite /lost; case: ltnP => // mk; rewrite le_minr le1 /=.
apply: (@le_trans _ _ (Pr (fun _ : upper => p2) (fun b => [exists x, misses K x b]))).
  apply: le_Pr => // b /existsP[T lt].
  have Tm : (#|T| <= m)%N by apply: leq_trans (max_card _) _; rewrite card_ord.
  have T0 : T != set0 by apply/eqP => e; move: lt; rewrite e cards0.
  have metK : met b K T \subset K by apply/subsetP => j; rewrite inE => /andP[].
  (* add columns until there is one fewer than rows *)
  have [U [mU UK UT]] : exists U, [/\ met b K T \subset U, U \subset K & #|U| = #|T|.-1].
    have le : (#|T|.-1 - #|met b K T| <= #|K :\: met b K T|)%N.
      by rewrite cardsDS // leq_sub2r // (leq_trans (leq_pred _)) // (leq_trans Tm).
    have [V] : exists V, V \in [set V : {set 'I_N} | (V \subset K :\: met b K T) & #|V| == (#|T|.-1 - #|met b K T|)%N].
      by apply/set0Pn; rewrite -card_gt0 cards_draws bin_gt0.
    rewrite inE => /andP[VK /eqP cV]; exists (met b K T :|: V); split; first exact: subsetUl.
      by rewrite subUset metK (subset_trans VK) // subsetDl.
    rewrite cardsU (_ : met b K T :&: V = set0) ?cards0 ?subn0 ?cV.
      by rewrite subnKC // -ltnS prednK // card_gt0.
    by apply/setP => j; rewrite inE in_set0; apply/negbTE/negP => /andP[jm /(subsetP VK)]; rewrite inE jm.
  apply/existsP; exists (T, U); rewrite /misses /= T0 UK UT eqxx /=.
  apply/forallP => -[o j] /=; apply/implyP => /andP[oT]; rewrite inE => /andP[jU jK].
  apply: contra jU => bj; apply: (subsetP mU); rewrite inE jK /=.
  by apply/existsP; exists o; rewrite oT.
apply: le_trans (Pr_exists P2 _) _.
rewrite -(pair_bigA _ (fun T U => Pr (fun _ : upper => p2) (misses K (T, U)))) /=.
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
rewrite (eq_bigr (fun U => if U \in [set U : {set 'I_N} | (U \subset K) & #|U| == t] then y else 0)) => [|U _].
  by rewrite -big_mkcond /= sumr_const cards_draws -[LHS]mulr_natl.
by rewrite misses_law inE cT -cards_eq0 cT.
Qed.

(* more neurons are never worse *)
Lemma bad_le a i j : (j <= #|readers a i|)%N -> Pr (fun _ : upper => p2) (fun b => bad a b i) <= lost j.
Proof.
move=> le; have [K] : exists K, K \in [set K : {set 'I_N} | (K \subset readers a i) & #|K| == j].
  by apply/set0Pn; rewrite -card_gt0 cards_draws bin_gt0.
rewrite inE => /andP[KU /eqP <-]; apply: le_trans (bad_law K); apply: le_Pr => // b /existsP[T lt].
apply/existsP; exists T; apply: leq_ltn_trans lt; apply: subset_leq_card; apply/subsetP => j'.
by rewrite !inE => /andP[/(subsetP KU)]; rewrite inE => -> ->.
Qed.

(* any g that is, at k, at least what some j <= k columns lose *)
Definition steps (g : nat -> R) : Prop := forall k, exists j, (j <= k)%N /\ lost j <= g k.

(* the chance that an input has no matching; Hall's sum given the neurons that read it *)
Lemma fails_law (g : nat -> R) : steps g ->
  Pr two_masks (fun w => [exists i, bad [ffun e => w (inr e)] [ffun e => w (inl e)] i]) <=
  n%:R * (\sum_(k < N.+1) bin_mass p1 N k * g k).
Proof.
move=> gs.
pose fails (w : mask) := [exists i, bad [ffun e => w (inr e)] [ffun e => w (inl e)] i].
have glued a b : fails (glue b a) = [exists i, bad a b i].
  have ea : [ffun e => glue b a (inr e)] = a by apply/ffunP => e; rewrite !ffunE.
  have eb : [ffun e => glue b a (inl e)] = b by apply/ffunP => e; rewrite !ffunE.
  by rewrite /fails ea eb.
rewrite -/fails /Pr /two_masks fubini.
apply: (@le_trans _ _ (Ex (fun _ : lower => p1) (fun a => \sum_(i : 'I_n) g #|readers a i|))).
  apply: le_Ex => // a; rewrite (eq_Ex _ (g := fun b => ([exists i, bad a b i])%:R)) => [|b]; last by rewrite glued.
  apply: le_trans (Pr_exists P2 _) _; apply: ler_sum => i _.
  have [j [jk lg]] := gs #|readers a i|; exact: le_trans (bad_le jk) lg.
rewrite Ex_sum (eq_bigr (fun=> \sum_(k < N.+1) bin_mass p1 N k * g k)) => [|i _].
  by rewrite sumr_const card_ord mulr_natl.
have law := @groups_law _ _ _ (fun _ : lower => p1) fst p1 (fun j a => a (j, i)) _ _ g.
move: law; rewrite card_ord => <- => [|j a a' h|j]; last 2 first.
- exact: h.
- transitivity (Pr (fun _ : lower => p1) (fun a => [exists e, (e == (j, i)) && a e])).
    apply: eq_Pr => a; apply/idP/existsP => [h|[e /andP[/eqP->]]] //; by exists (j, i); rewrite eqxx.
  by rewrite (Pr_hit _ (pred1 (j, i))) big_pred1_eq subKr.
by apply: eq_Ex => a; congr g; apply: eq_card => j; rewrite !inE.
Qed.

(* rep: any decidable event that holds on every pair of masks that contains all linear maps *)
Variable rep : pred mask.
Hypothesis repP : forall w, contains_all R (reads w) (read_by w) -> rep w.

Theorem factored_law (g : nat -> R) : (0 < N)%N -> steps g ->
  1 - n%:R * (\sum_(k < N.+1) bin_mass p1 N k * g k) <= Pr two_masks rep.
Proof.
move=> N0 gs; pose fails (w : mask) := [exists i, bad [ffun e => w (inr e)] [ffun e => w (inl e)] i].
apply: (@le_trans _ _ (Pr two_masks (predC fails))); first by rewrite PrC ler_add2l ler_opp2; apply: fails_law.
apply: le_Pr => // w /=; rewrite /fails => ok; apply: repP; apply: either_matching; left.
have e : glue [ffun e => w (inl e)] [ffun e => w (inr e)] = w by apply/ffunP => -[e|e]; rewrite !ffunE.
by have := matchings (Ordinal N0) ok; rewrite e.
Qed.
End Factored.
