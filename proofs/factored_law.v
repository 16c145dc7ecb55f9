(* Factored sources, drawn at random: how often two masks hold every linear map (Hall's sum, the dual).              *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli exact_laws hall factored.
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

(* Hall's sum: rows that are unlikely to avoid columns can hardly fail to be matched *)
Section Hall.
Variables (R : realFieldType) (m : nat) (p2 : R).

(* Hall's sum for m rows and k columns; 1 where there are too few columns *)
Definition hall_sum (k : nat) : R :=
  \sum_(1 <= t < m.+1) ('C(m, t) * 'C(k, t.-1))%:R * (1 - p2) ^+ (t * (k - t.-1)).
Definition lost (k : nat) : R := if (k < m)%N then 1 else Num.min 1 (hall_sum k).

(* any g that is, at k, at least what some j <= k columns lose *)
Definition steps (g : nat -> R) : Prop := forall k, exists j, (j <= k)%N /\ lost j <= g k.

Lemma lost_ge0 k : 0 <= p2 <= 1 -> 0 <= lost k.
Proof.
move=> /andP[_ le]; rewrite /lost; case: ifP => // _; rewrite le_min ler01 /=.
by apply: sumr_ge0 => t _; rewrite mulr_ge0 ?ler0n ?exprn_ge0 ?subr_ge0.
Qed.

Lemma steps_ge0 g k : 0 <= p2 <= 1 -> steps g -> 0 <= g k.
Proof. by move=> h /(_ k)[j [_ le]]; apply: le_trans le; exact: lost_ge0. Qed.

Lemma sum_subsets (O : finType) (X : {set O}) (f : nat) (F : nat -> R) : (#|X| <= f)%N ->
  \sum_(T : {set O} | T \subset X) F #|T| = \sum_(t < f.+1) 'C(#|X|, t)%:R * F t.
Proof.
move=> Xf; rewrite (partition_big (fun T : {set O} => inord #|T| : 'I_f.+1) xpredT) //=; apply: eq_bigr => t _.
have size (T : {set O}) : (T \subset X) && (inord #|T| == t) = (T \in [set T : {set O} | T \subset X & #|T| == t]).
  rewrite inE; case: (boolP (T \subset X)) => //= /subset_leq_card le.
  by rewrite -val_eqE /= inordK // ltnS (leq_trans le).
rewrite (eq_bigl _ _ size) (eq_bigr (fun=> F t)) => [|T]; last by rewrite inE => /andP[_ /eqP->].
by rewrite sumr_const cards_draws -[LHS]mulr_natl.
Qed.

(* a finite measure mu of the masses M; in each point r says which row has which column *)
Variables (P O J : finType) (mu : P -> R) (M : R) (r : P -> O -> J -> bool) (X : {set O}).
Hypotheses (mu0 : forall w, 0 <= mu w) (total : \sum_w mu w = M) (h2 : 0 <= p2 <= 1) (Xm : (#|X| <= m)%N).
Hypothesis avoids : forall (T : {set O}) (Y : {set J}), T \subset X ->
  \sum_w mu w * [forall e : O * J, ((e.1 \in T) && (e.2 \in Y)) ==> ~~ r w e.1 e.2]%:R <= M * (1 - p2) ^+ (#|T| * #|Y|).

(* the columns of U that a row of T has; U is bad if some rows in X have too few of them *)
Definition meets w (U : {set J}) (T : {set O}) : {set J} := [set j in U | [exists o, (o \in T) && r w o j]].
Definition unmatched w (U : {set J}) : bool := [exists T : {set O}, (T \subset X) && (#|meets w U T| < #|T|)%N].

(* some rows T miss all columns of K but U, one fewer than they are *)
Let misses (K : {set J}) (x : {set O} * {set J}) w : bool :=
  [&& x.1 != set0, x.1 \subset X, x.2 \subset K, #|x.2| == #|x.1|.-1 &
    [forall e : O * J, ((e.1 \in x.1) && (e.2 \in K :\: x.2)) ==> ~~ r w e.1 e.2]].

Let some_miss (K : {set J}) w : (m <= #|K|)%N -> unmatched w K -> exists x, misses K x w.
Proof.
move=> mk /existsP[T /andP[TX lt]].
have Tm : (#|T| <= m)%N by exact: leq_trans (subset_leq_card TX) Xm.
have T0 : T != set0 by apply/eqP => e; move: lt; rewrite e cards0.
have metK : meets w K T \subset K by apply/subsetP => j; rewrite inE => /andP[].
(* add columns until there is one fewer than rows *)
have [U [mU UK UT]] : exists U : {set J}, [/\ meets w K T \subset U, U \subset K & #|U| = #|T|.-1].
  have le : (#|T|.-1 - #|meets w K T| <= #|K :\: meets w K T|)%N.
    by rewrite cardsDS // leq_sub2r // (leq_trans (leq_pred _)) // (leq_trans Tm).
  have [V] : exists V, V \in [set V : {set J} | (V \subset K :\: meets w K T) & #|V| == (#|T|.-1 - #|meets w K T|)%N].
    by apply/set0Pn; rewrite -card_gt0 cards_draws bin_gt0.
  rewrite inE => /andP[VK /eqP cV]; exists (meets w K T :|: V); split; first exact: subsetUl.
    by rewrite subUset metK (subset_trans VK) // subsetDl.
  rewrite cardsU (_ : meets w K T :&: V = set0) ?cards0 ?subn0 ?cV.
    by rewrite subnKC // -ltnS prednK // card_gt0.
  by apply/setP => j; rewrite inE in_set0; apply/negbTE/negP => /andP[jm /(subsetP VK)]; rewrite inE jm.
exists (T, U); rewrite /misses /= T0 TX UK UT eqxx /=.
apply/forallP => -[o j] /=; apply/implyP => /andP[oT]; rewrite inE => /andP[jU jK].
apply: contra jU => bj; apply: (subsetP mU); rewrite inE jK /=.
by apply/existsP; exists o; rewrite oT.
Qed.

Let misses_le (K : {set J}) T U : \sum_w mu w * (misses K (T, U) w)%:R <=
  if [&& T != set0, T \subset X, U \subset K & #|U| == #|T|.-1] then M * (1 - p2) ^+ (#|T| * (#|K| - #|T|.-1)) else 0.
Proof.
case: ifP => [/and4P[T0 TX UK /eqP UT]|no]; last first.
  rewrite big1 // => w _; rewrite /misses /=; move: no.
  by case: (T != set0); case: (T \subset X); case: (U \subset K); case: (#|U| == _) => //= _; rewrite mulr0.
rewrite -UT -(cardsDS UK); apply: le_trans (avoids _ TX); apply: ler_sum => w _.
by rewrite ler_wpM2l // /misses /= T0 TX UK UT eqxx.
Qed.

Let M0 : 0 <= M. Proof. by rewrite -total sumr_ge0. Qed.
Let trivially (K : {set J}) : \sum_w mu w * (unmatched w K)%:R <= M * 1.
Proof. by rewrite mulr1 -total; apply: ler_sum => w _; case: unmatched; rewrite ?mulr1 ?mulr0. Qed.

Lemma hall_union (K : {set J}) : \sum_w mu w * (unmatched w K)%:R <= M * lost #|K|.
Proof.
rewrite /lost; case: ltnP => mk; first exact: trivially.
rewrite /Num.min; case: ifP => _; first exact: trivially.
apply: (@le_trans _ _ (\sum_w \sum_x mu w * (misses K x w)%:R)).
  apply: ler_sum => w _; case: (boolP (unmatched w K)) => [bad|_]; last first.
    by rewrite mulr0; apply: sumr_ge0 => x _; rewrite mulr_ge0 ?ler0n.
  have [x hx] := some_miss mk bad; rewrite (bigD1 x) //= hx lerDl.
  by apply: sumr_ge0 => y _; rewrite mulr_ge0 ?ler0n.
rewrite exchange_big /= -(pair_bigA _ (fun T U => \sum_w mu w * (misses K (T, U) w)%:R)) /=.
pose y t : R := (1 - p2) ^+ (t * (#|K| - t.-1)); have y0 t : 0 <= y t by rewrite exprn_ge0 // subr_ge0; case/andP: h2.
apply: (@le_trans _ _ (\sum_(T : {set O} | T \subset X) M * (if #|T| is t.+1 then 'C(#|K|, t)%:R * y t.+1 else 0))).
  rewrite [X in _ <= X]big_mkcond /=; apply: ler_sum => T _.
  apply: le_trans (ler_sum _ (fun U _ => misses_le K T U)) _; case: ifP => TX; last first.
    by rewrite big1 // => U _; rewrite andbF.
  case cT : #|T| => [|t].
    by rewrite mulr0 big1 // => U _; rewrite (cards0_eq cT) eqxx.
  rewrite (eq_bigr (fun U => if U \in [set U : {set J} | U \subset K & #|U| == t] then M * y t.+1 else 0)) => [|U _].
    by rewrite -big_mkcond /= sumr_const cards_draws -[X in X <= _]mulr_natl mulrCA.
  by rewrite inE -cards_eq0 cT.
rewrite -mulr_sumr ler_wpM2l // (sum_subsets (fun k => if k is t.+1 then 'C(#|K|, t)%:R * y t.+1 else 0) Xm).
rewrite /hall_sum big_ord_recl mulr0 add0r big_add1 /= big_mkord; apply: ler_sum => t _; rewrite /bump add1n /=.
by rewrite natrM -mulrA ler_wpM2r ?mulr_ge0 ?ler0n // ler_nat leq_bin2l.
Qed.

(* more columns are never worse *)
Lemma hall_steps g (K : {set J}) : steps g -> \sum_w mu w * (unmatched w K)%:R <= M * g #|K|.
Proof.
move=> gs; have [j [jK jg]] := gs #|K|.
have [K'] : exists K', K' \in [set K' : {set J} | (K' \subset K) & #|K'| == j].
  by apply/set0Pn; rewrite -card_gt0 cards_draws bin_gt0.
rewrite inE => /andP[KK /eqP cK]; apply: (@le_trans _ _ (M * lost j)); last by rewrite ler_wpM2l.
rewrite -cK; apply: le_trans (hall_union K'); apply: ler_sum => w _; rewrite ler_wpM2l // ler_nat.
case: (boolP (unmatched w K)) => // /existsP[T /andP[TX lt]]; rewrite lt0b; apply/existsP; exists T; rewrite TX /=.
apply: leq_ltn_trans lt; apply: subset_leq_card; apply/subsetP => i.
by rewrite !inE => /andP[/(subsetP KK)-> ->].
Qed.
End Hall.

Section Factored.
Variables (R : realFieldType) (n m N : nat) (p1 p2 : R).
Local Notation upper := [finType of 'I_m * 'I_N].  (* edges from inner neurons to outputs *)
Local Notation lower := [finType of 'I_N * 'I_n].  (* edges from inputs to inner neurons *)
Local Notation mask := {ffun [finType of upper + lower] -> bool}.
Implicit Types (a : {ffun lower -> bool}) (b : {ffun upper -> bool}) (T : {set 'I_m}) (U : {set 'I_N}).

Definition two_masks : upper + lower -> R := joint (fun _ : upper => p2) (fun _ : lower => p1).
Definition reads (w : mask) (j : 'I_N) (i : 'I_n) : bool := w (inr (j, i)).
Definition read_by (w : mask) (o : 'I_m) (j : 'I_N) : bool := w (inl (o, j)).

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

Lemma bad_law K g : steps m p2 g -> Pr (fun _ : upper => p2) (fun b => bad_on b K) <= g #|K|.
Proof.
move=> gs; rewrite -[X in _ <= X]mul1r.
pose r b (o : 'I_m) (j : 'I_N) := (b : {ffun upper -> bool}) (o, j).
have same b : bad_on b K = unmatched r [set: 'I_m] b K by apply: eq_existsb => T; rewrite subsetT.
rewrite (eq_Pr _ same).
apply: (hall_steps (m := m) (p2 := p2) (mu := mass (fun _ : upper => p2)) _ _ h2 _ _ _ gs) => [b||| T Y _].
- exact: mass_ge0.
- by have := Ex_cst (fun _ : upper => p2) 1; rewrite /Ex; under eq_bigr do rewrite mulr1.
- by rewrite cardsT card_ord.
rewrite mul1r -[X in _ ^+ X]cardX.
rewrite -[X in X <= _]/(Pr _ (fun b => [forall e : upper, ((e.1 \in T) && (e.2 \in Y)) ==> ~~ b (e.1, e.2)])).
rewrite (eq_Pr _ (A' := fun b => [forall e : upper, ((e.1 \in T) && (e.2 \in Y)) ==> ~~ b e])) => [|b]; last first.
  by apply: eq_forallb => -[].
rewrite (Pr_miss _ (fun e : upper => (e.1 \in T) && (e.2 \in Y))) prodr_const le_eqVlt; apply/orP; left; apply/eqP.
by congr (_ ^+ _); apply: eq_card => -[o j]; rewrite unfold_in !inE.
Qed.

Lemma readers_law (g : nat -> R) i :
  Ex (fun _ : lower => p1) (fun a => g #|readers a i|) = \sum_(k < N.+1) bin_mass p1 N k * g k.
Proof.
have law := @groups_law _ _ _ (fun _ : lower => p1) fst p1 (fun j a => a (j, i)) _ _ g.
move: law; rewrite card_ord => <- => [|j a a' h|j]; last 2 first.
- exact: h.
- transitivity (Pr (fun _ : lower => p1) (fun a => [exists e, (e == (j, i)) && a e])).
    apply: eq_Pr => a; apply/idP/existsP => [h|[e /andP[/eqP->]]] //; by exists (j, i); rewrite eqxx.
  by rewrite (Pr_hit _ (pred1 (j, i))) big_pred1_eq subKr.
by apply: eq_Ex => a; congr g; apply: eq_card => j; rewrite !inE.
Qed.

(* the chance that an input has no matching; Hall's sum given the neurons that read it *)
Lemma fails_law (g : nat -> R) : steps m p2 g ->
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
  exact: bad_law.
rewrite Ex_sum (eq_bigr (fun=> \sum_(k < N.+1) bin_mass p1 N k * g k)) => [|i _]; last exact: readers_law.
by rewrite sumr_const card_ord mulr_natl.
Qed.

(* rep: any decidable event that holds on every pair of masks that contains all linear maps *)
Variable rep : pred mask.
Hypothesis repP : forall w, contains_all R (reads w) (read_by w) -> rep w.

Theorem factored_law (g : nat -> R) : (0 < N)%N -> steps m p2 g ->
  1 - n%:R * (\sum_(k < N.+1) bin_mass p1 N k * g k) <= Pr two_masks rep.
Proof.
move=> N0 gs; pose fails (w : mask) := [exists i, bad [ffun e => w (inr e)] [ffun e => w (inl e)] i].
apply: (@le_trans _ _ (Pr two_masks (predC fails))); first by rewrite PrC lerD2l lerN2; apply: fails_law.
apply: le_Pr => // w /=; rewrite /fails => ok; apply: repP; apply: either_matching; left.
have e : glue [ffun e => w (inl e)] [ffun e => w (inr e)] = w by apply/ffunP => -[e|e]; rewrite !ffunE.
by have := matchings (Ordinal N0) ok; rewrite e.
Qed.
End Factored.
