(* Factored sources, drawn at random: how often the mixed theorem holds, with the inputs set aside that few neurons read. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli exact_laws hall factored factored_law factored_mixed small_sets.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* the columns of a mask are independent random sets *)
Section Columns.
Variables (R : realFieldType) (n N : nat) (p : R).
Local Notation lower := [finType of 'I_N * 'I_n].
Local Notation sets := {ffun 'I_n -> {set 'I_N}}.
Hypothesis h : 0 <= p <= 1.

Definition set_mass (C : {set 'I_N}) : R := p ^+ #|C| * (1 - p) ^+ (N - #|C|).
Definition weight (K : sets) : R := \prod_i set_mass (K i).
Definition columns (a : {ffun lower -> bool}) : sets := [ffun i => readers a i].

Lemma set_mass_ge0 C : 0 <= set_mass C.
Proof. by have /andP[p0 p1] := h; rewrite mulr_ge0 ?exprn_ge0 ?subr_ge0. Qed.

Lemma weight_ge0 K : 0 <= weight K.
Proof. by apply: prodr_ge0 => i _; exact: set_mass_ge0. Qed.

Lemma columns_law (f : sets -> R) : Ex (fun _ : lower => p) (fun a => f (columns a)) = \sum_K weight K * f K.
Proof.
rewrite /Ex (reindex (fun K : sets => [ffun e : lower => e.1 \in K e.2])) /=; last first.
  exists columns => [K _|a _]; first by apply/ffunP => i; rewrite ffunE; apply/setP => j; rewrite inE ffunE.
  by apply/ffunP => -[j i]; rewrite !ffunE inE.
apply: eq_bigr => K _; congr (_ * f _); last first.
  by apply/ffunP => i; rewrite ffunE; apply/setP => j; rewrite inE ffunE.
pose u : {ffun lower -> bool} := [ffun e : lower => e.1 \in K e.2].
transitivity (\prod_(j : 'I_N) \prod_(i : 'I_n) wt (fun _ : lower => p) (u (j, i)) (j, i)).
  by rewrite pair_bigA; apply: eq_bigr => -[].
rewrite exchange_big /u /=.
apply: eq_bigr => i _; rewrite (bigID (fun j => j \in K i)) /=; congr (_ * _).
  by rewrite (eq_bigr (fun=> p)) ?prodr_const // => j jK; rewrite ffunE /wt /= jK.
rewrite (eq_bigr (fun=> 1 - p)) => [|j jK]; last by rewrite ffunE /wt /= (negbTE jK).
rewrite prodr_const; congr (_ ^+ _); rewrite -[N in (N - _)%N]card_ord -cardsT -cardsDS ?subsetT //.
by apply: eq_card => j; rewrite !inE andbT.
Qed.

(* columns with few members, and what they avoid *)
Variables (kappa : nat) (rho : R).
Hypotheses (rho1 : rho <= 1) (N0 : (0 < N)%N).
Hypothesis mean : N%:R * rho * fewer p kappa N <= \sum_(i < kappa) bin_mass p N i * i%:R.

Lemma fewer_law (Y : {set 'I_N}) :
  \sum_(C : {set 'I_N} | (#|C| < kappa)%N && [disjoint C & Y]) set_mass C = (1 - p) ^+ #|Y| * fewer p kappa (N - #|Y|).
Proof.
have YN : (#|Y| <= N)%N by rewrite -[N in (_ <= N)%N]card_ord max_card.
pose F k : R := (k < kappa)%N%:R * (p ^+ k * (1 - p) ^+ (N - k)).
transitivity (\sum_(C : {set 'I_N} | C \subset ~: Y) F #|C|).
  rewrite (eq_bigl (fun C : {set 'I_N} => (C \subset ~: Y) && (#|C| < kappa)%N)) => [|C]; last by rewrite disjoints_subset andbC.
  rewrite big_mkcondr /=; apply: eq_bigr => C _; rewrite /F /set_mass; case: ifP => _; by rewrite ?mul1r ?mul0r.
have cY : #|~: Y| = (N - #|Y|)%N by rewrite cardsCs setCK card_ord.
rewrite (sum_subsets (f := maxn N kappa) F) ?cY; last by rewrite leq_max leq_subr.
rewrite -(big_mkord xpredT (fun t => 'C(N - #|Y|, t)%:R * F t)) (big_cat_nat _ _ _ (leq0n kappa)) /=; last first.
  by rewrite ltnW // ltnS leq_maxr.
rewrite [X in _ + X]big_nat_cond [X in _ + X]big1 ?addr0 => [|i /andP[/andP[ki _] _]]; last first.
  by rewrite /F ltnNge ki mul0r mulr0.
rewrite big_mkord /fewer mulr_sumr; apply: eq_bigr => i _; rewrite /F ltn_ord mul1r /bin_mass.
case: (leqP i (N - #|Y|)) => [le|/bin_small->]; last by rewrite mulr0n !mul0r mulr0.
have -> : (N - i = #|Y| + (N - #|Y| - i))%N by rewrite addnBA // subnKC.
by rewrite exprD [RHS]mulrC -!mulrA; congr (_ * (_ * _)); exact: mulrC.
Qed.

Lemma fewer_avoids (Y : {set 'I_N}) :
  \sum_(C : {set 'I_N} | (#|C| < kappa)%N && [disjoint C & Y]) set_mass C <=
  (1 - rho) ^+ #|Y| * \sum_(C : {set 'I_N} | (#|C| < kappa)%N) set_mass C.
Proof.
have all : \sum_(C : {set 'I_N} | (#|C| < kappa)%N) set_mass C = fewer p kappa N.
  have := fewer_law set0; rewrite cards0 expr0 mul1r subn0 => <-; apply: eq_bigl => C.
  by rewrite disjoint_sym disjoints_subset sub0set andbT.
rewrite all fewer_law; apply: fewer_power => //; first by rewrite -[N in (_ <= N)%N]card_ord max_card.
  by rewrite subr_ge0.
exact: fewer_mean.
Qed.

Definition small (K : sets) : {set 'I_n} := [set i | (#|K i| < kappa)%N].

(* with X the small columns and C the column i, outside of X: rows T of X avoid Y *)
Lemma small_avoid (i : 'I_n) (X T : {set 'I_n}) (C Y : {set 'I_N}) : i \notin X -> T \subset X ->
  \sum_(K : sets | (small K == X) && (K i == C))
    weight K * [forall e : 'I_n * 'I_N, ((e.1 \in T) && (e.2 \in Y)) ==> (e.2 \notin K e.1)]%:R <=
  (\sum_(K : sets | (small K == X) && (K i == C)) weight K) * (1 - rho) ^+ (#|T| * #|Y|).
Proof.
move=> iX TX; pose Q (o : 'I_n) (B : {set 'I_N}) := ((#|B| < kappa)%N == (o \in X)) && ((o == i) ==> (B == C)).
have inQ (K : sets) : (small K == X) && (K i == C) = (K \in family Q).
  apply/andP/familyP => [[/eqP eX /eqP eC] o|allQ].
    by rewrite -[_ \in _]/(Q o (K o)) /Q -eX -eC inE eqxx /=; apply/implyP => /eqP->.
  split; last by have /andP[_] : Q i (K i) := allQ i; rewrite eqxx.
  by apply/eqP/setP => o; rewrite inE; have /andP[/eqP-> _] : Q o (K o) := allQ o.
pose Q' o (B : {set 'I_N}) := Q o B && ((o \in T) ==> [disjoint B & Y]).
have inQ' (K : sets) : (small K == X) && (K i == C) &&
    [forall e : 'I_n * 'I_N, ((e.1 \in T) && (e.2 \in Y)) ==> (e.2 \notin K e.1)] = (K \in family Q').
  rewrite inQ; apply/andP/familyP => [[/familyP allQ /forallP miss] o|allQ].
    have qo : Q o (K o) := allQ o; rewrite -[_ \in _]/(Q' o (K o)) /Q' qo /=; apply/implyP => oT.
    rewrite disjoint_sym disjoints_subset; apply/subsetP => j jY; rewrite inE; have := miss (o, j); by rewrite /= oT jY.
  split; first by apply/familyP => o; have /andP[] : Q' o (K o) := allQ o.
  apply/forallP => -[o j] /=; apply/implyP => /andP[oT jY]; have /andP[_] : Q' o (K o) := allQ o; rewrite oT /=.
  by rewrite disjoint_sym disjoints_subset => /subsetP/(_ j jY); rewrite inE.
rewrite [X in _ <= X * _](eq_bigl _ _ inQ) -(bigA_distr_big_dep Q (fun _ B => set_mass B)).
rewrite (eq_bigr (fun K : sets => if [forall e : 'I_n * 'I_N, ((e.1 \in T) && (e.2 \in Y)) ==> (e.2 \notin K e.1)]
  then weight K else 0)) => [|K _]; last by case: ifP; rewrite ?mulr1 ?mulr0.
rewrite -big_mkcondr (eq_bigl _ _ inQ') -(bigA_distr_big_dep Q' (fun _ B => set_mass B)).
have -> : (1 - rho) ^+ (#|T| * #|Y|) = \prod_o (if o \in T then (1 - rho) ^+ #|Y| else 1).
  by rewrite -big_mkcond prodr_const mulnC exprM.
rewrite -big_split /=; apply: ler_prod => o _; apply/andP; split; first by apply: sumr_ge0 => B _; exact: set_mass_ge0.
rewrite mulrC /Q' /Q; case: (boolP (o \in T)) => [oT|_] /=; last by rewrite mul1r; under eq_bigl do rewrite andbT.
have oX := subsetP TX o oT; have oi : o != i by apply: contraNneq iX => <-.
rewrite oX (negbTE oi) /=; under eq_bigl do rewrite andbT eqb_id.
by under [X in _ <= _ * X]eq_bigl do rewrite andbT eqb_id; exact: fewer_avoids.
Qed.

(* some small columns, f of them at most, cannot be matched into what the column i leaves *)
Lemma aside_law (f : nat) (i : 'I_n) (U : {set 'I_N} -> {set 'I_N}) (g : nat -> R) : 0 <= rho -> steps f rho g ->
  \sum_(K : sets) weight K *
    [&& i \notin small K, (#|small K| <= f)%N & unmatched (fun (K : sets) o j => j \in K o) (small K) K (U (K i))]%:R <=
  \sum_(K : sets) weight K * g #|U (K i)|.
Proof.
move=> rho0 gs; pose split (K : sets) := (small K, K i).
have g0 k : 0 <= g k by apply: steps_ge0 gs; rewrite rho0.
rewrite (partition_big split xpredT) // [X in _ <= X](partition_big split xpredT) //=.
apply: ler_sum => -[X C] _; rewrite /split.
case: (boolP ((i \notin X) && (#|X| <= f)%N)) => [/andP[iX Xf]|no]; last first.
  rewrite big1 => [|K]; first by apply: sumr_ge0 => K _; rewrite mulr_ge0 ?weight_ge0.
  by rewrite xpair_eqE => /andP[/eqP-> /eqP->]; rewrite andbA (negbTE no) mulr0.
pose mu (K : sets) := if (small K == X) && (K i == C) then weight K else 0.
apply: (@le_trans _ _ (\sum_K mu K * (unmatched (fun (K : sets) o j => j \in K o) X K (U C))%:R)).
  rewrite big_mkcond /=; apply: ler_sum => K _; rewrite xpair_eqE /mu; case: ifP => [/andP[/eqP-> /eqP->]|_].
    by rewrite iX Xf.
  by rewrite mul0r.
rewrite [X in _ <= X](_ : _ = (\sum_K mu K) * g #|U C|); last first.
  rewrite mulr_suml big_mkcond /=; apply: eq_bigr => K _; rewrite xpair_eqE /mu.
  by case: ifP => [/andP[_ /eqP->] //|_]; rewrite mul0r.
apply: (hall_steps (m := f) (p2 := rho) (mu := mu) _ _ _ _ _ _ gs) => // [K||T Y TX].
- by rewrite /mu; case: ifP => // _; exact: weight_ge0.
- by rewrite rho0.
have := small_avoid C Y iX TX; rewrite [X in X <= _]big_mkcond [X in _ <= X * _]big_mkcond.
rewrite (eq_bigr (fun K : sets => mu K * [forall e : 'I_n * 'I_N, ((e.1 \in T) && (e.2 \in Y)) ==> (e.2 \notin K e.1)]%:R)) //.
by move=> K _; rewrite /mu; case: ifP => // _; rewrite mul0r.
Qed.
End Columns.

Section Mixed.
Variables (R : realFieldType) (n m N : nat) (p1 p2 : R) (kappa f : nat) (rho : R).
Local Notation upper := [finType of 'I_m * 'I_N].
Local Notation lower := [finType of 'I_N * 'I_n].
Local Notation mask := {ffun [finType of upper + lower] -> bool}.
Implicit Types (a : {ffun lower -> bool}) (b : {ffun upper -> bool}).
Local Notation two_masks := (@two_masks R n m N p1 p2).

(* the inputs that fewer than kappa inner neurons read *)
Definition aside a : {set 'I_n} := small kappa (columns a).
Definition left_for a b (x : 'I_n * 'I_m) : {set 'I_N} := [set j | b (x.2, j)] :\: readers a x.1.
Definition aside_bad a b (x : 'I_n * 'I_m) : bool :=
  [&& x.1 \notin aside a, (#|aside a| <= f)%N &
    unmatched (fun (K : {ffun 'I_n -> {set 'I_N}}) o j => j \in K o) (aside a) (columns a) (left_for a b x)].
Definition mixed_bad a b : bool :=
  [|| (f < #|aside a|)%N, [exists i, (i \notin aside a) && bad a b i] | [exists x, aside_bad a b x]].

Lemma mixed_matchings a b : (f < n)%N -> (0 < N)%N -> ~~ mixed_bad a b ->
  mixed_matching (reads (glue b a)) (read_by (glue b a)) (aside a).
Proof.
move=> fn N0; rewrite !negb_or -leqNgt => /and3P[le ok1 ok2]; have j0 : 'I_N by exact: (Ordinal N0).
split=> [|i iF|i o iF].
- have [i _ iF] : exists2 i, i \in [set: 'I_n] & i \notin aside a; last by exists i.
    by apply/subsetPn; apply/negP => /subset_leq_card; rewrite cardsT card_ord leqNgt (leq_ltn_trans le).
- move: ok1; rewrite negb_exists => /forallP/(_ i); rewrite iF /= => ok.
  have [|c [ci cr]] := @hall_theorem _ _ j0 (fun o => [set j in readers a i | b (o, j)]).
    move=> T; have := ok; rewrite /bad /bad_on negb_exists => /forallP/(_ T); rewrite -leqNgt => /leq_trans; apply.
    apply: subset_leq_card; apply/subsetP => j; rewrite inE => /andP[ji /existsP[o /andP[oT oj]]].
    by apply/bigcupP; exists o; rewrite // inE ji.
  by exists c; split=> [//|o|o]; rewrite /reads /read_by ffunE; have := cr o; rewrite !inE => /andP[].
move: ok2; rewrite negb_exists => /forallP/(_ (i, o)); rewrite /aside_bad /= iF le /= => ok.
pose U := left_for a b (i, o).
have [|e [ei er]] := @hall_on _ _ j0 #|aside a| (aside a) (fun k => [set j in U | j \in readers a k]) (leqnn _).
  move=> T TF; move: ok; rewrite negb_exists => /forallP/(_ T); rewrite TF /= -leqNgt => /leq_trans; apply.
  apply: subset_leq_card; apply/subsetP => j; rewrite inE => /andP[jU /existsP[k /andP[kT]]]; rewrite ffunE => jk.
  by apply/bigcupP; exists k; rewrite // inE jU.
exists e; split=> [//|k kF]; have := er k kF; rewrite !inE /= /read_by /reads !ffunE.
by move=> /andP[/andP[-> ->] ->].
Qed.

Hypotheses (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1) (h3 : 0 <= rho <= 1) (N0 : (0 < N)%N) (kN : (kappa <= N.+1)%N).
Hypothesis mean : N%:R * rho * fewer p1 kappa N <= \sum_(i < kappa) bin_mass p1 N i * i%:R.
Let P1 (e : lower) : 0 <= p1 <= 1. Proof. by []. Qed.
Let P2 (e : upper) : 0 <= p2 <= 1. Proof. by []. Qed.
Let P01 e : 0 <= two_masks e <= 1. Proof. by case: e. Qed.

Let swapped (F : mask -> R) :
  Ex two_masks F = Ex (fun _ : upper => p2) (fun b => Ex (fun _ : lower => p1) (fun a => F (glue b a))).
Proof.
rewrite /two_masks fubini /Ex; under eq_bigr do rewrite mulr_sumr.
rewrite exchange_big /=; apply: eq_bigr => b _; rewrite mulr_sumr; apply: eq_bigr => a _; exact: mulrCA.
Qed.

Let lower_part b a : [ffun e => glue b a (inr e)] = a. Proof. by apply/ffunP => e; rewrite !ffunE. Qed.
Let upper_part b a : [ffun e => glue b a (inl e)] = b. Proof. by apply/ffunP => e; rewrite !ffunE. Qed.

Let small_chance i : Pr (fun _ : lower => p1) (fun a => i \in aside a) = fewer p1 kappa N.
Proof.
transitivity (Ex (fun _ : lower => p1) (fun a => (#|readers a i| < kappa)%N%:R)).
  by apply: eq_Ex => a; rewrite inE ffunE.
rewrite (readers_law N p1 (fun k => (k < kappa)%N%:R) i) /fewer (big_ord_widen _ _ kN) [RHS]big_mkcond /=.
by apply: eq_bigr => k _; case: ifP => _; rewrite ?mulr1 ?mulr0.
Qed.

Let many_law : Ex two_masks (fun w => (f < #|aside [ffun e => w (inr e)]|)%N%:R) =
  \sum_(k < n.+1) bin_mass (fewer p1 kappa N) n k * (f < k)%N%:R.
Proof.
rewrite /two_masks fubini.
transitivity (Ex (fun _ : lower => p1) (fun a => (f < #|[pred i | i \in aside a]|)%N%:R)).
  apply: eq_Ex => a; rewrite -[RHS](Ex_cst (fun _ : upper => p2)); apply: eq_Ex => b; rewrite lower_part.
  by congr (_%:R); congr (_ < _)%N.
have law := @groups_law _ _ _ (fun _ : lower => p1) snd (fewer p1 kappa N) (fun i a => i \in aside a) _ _ (fun k => (f < k)%N%:R).
move: law; rewrite card_ord => <- => [//|i a a' e|i]; last exact: small_chance.
by rewrite !inE !ffunE; congr (_ < _)%N; apply: eq_card => j; rewrite !inE; exact: e.
Qed.

Let matching_law g : steps m p2 g ->
  Ex two_masks (fun w => [exists i, (i \notin aside [ffun e => w (inr e)]) && bad [ffun e => w (inr e)] [ffun e => w (inl e)] i]%:R) <=
  n%:R * (\sum_(k < N.+1) bin_mass p1 N k * ((kappa <= k)%N%:R * g k)).
Proof.
move=> gs; rewrite /two_masks fubini.
apply: (@le_trans _ _ (Ex (fun _ : lower => p1) (fun a => \sum_(i : 'I_n) (kappa <= #|readers a i|)%N%:R * g #|readers a i|))).
  apply: le_Ex => // a.
  rewrite (eq_Ex _ (g := fun b => ([exists i, (i \notin aside a) && bad a b i])%:R)) => [|b]; last by rewrite lower_part upper_part.
  apply: le_trans (Pr_exists P2 _) _; apply: ler_sum => i _; rewrite inE ffunE -leqNgt.
  case: (_ <= _)%N; last by rewrite mul0r /Pr Ex_cst.
  by rewrite mul1r; exact: (bad_law h2 (readers a i) gs).
rewrite Ex_sum (eq_bigr (fun=> \sum_(k < N.+1) bin_mass p1 N k * ((kappa <= k)%N%:R * g k))) => [|i _].
  by rewrite sumr_const card_ord mulr_natl.
exact: (readers_law N p1 (fun k => (kappa <= k)%N%:R * g k) i).
Qed.

(* what an output reads and an input does not: each inner neuron with probability p2 (1 - p1) *)
Let left_law g x : Ex two_masks (fun w => g #|left_for [ffun e => w (inr e)] [ffun e => w (inl e)] x|) =
  \sum_(k < N.+1) bin_mass (p2 * (1 - p1)) N k * g k.
Proof.
case: x => i o; pose grp (e : upper + lower) : 'I_N := match e with inl e => e.2 | inr e => e.1 end.
pose A (j : 'I_N) (w : mask) := w (inl (o, j)) && ~~ w (inr (j, i)).
have law := @groups_law _ _ _ two_masks grp (p2 * (1 - p1)) A _ _ g.
move: law; rewrite card_ord => <- => [|j w w' e|j]; last 2 first.
- by rewrite /A !e.
- pose F (e : upper + lower) (c : bool) : R :=
    match e with inl e => if e == (o, j) then c%:R else 1 | inr e => if e == (j, i) then (~~ c)%:R else 1 end.
  transitivity (Ex two_masks (fun w => \prod_e F e (w e))).
    apply: eq_Ex => w; rewrite big_sumType /= (bigD1 (o, j)) //= [X in _ * X](bigD1 (j, i)) //= !eqxx.
    rewrite ![\prod_(_ | _ != _) _]big1 ?mulr1 => [|e /negbTE-> //|e /negbTE-> //]; rewrite /A.
    by case: (w _); case: (w _); rewrite /= ?mulr1 ?mulr0.
  rewrite Ex_prod big_sumType /= (bigD1 (o, j)) //= [X in _ * X](bigD1 (j, i)) //= !eqxx.
  rewrite ![\prod_(_ | _ != _) _]big1 => [|e /negbTE-> |e /negbTE->]; rewrite ?mulr1 ?mulr0 ?addr0 ?add0r //; by rewrite addrC subrK.
by apply: eq_Ex => w; congr g; apply: eq_card => j; rewrite !inE !ffunE /A andbC.
Qed.

Let aside_bad_law g x : steps f rho g ->
  Ex two_masks (fun w => (aside_bad [ffun e => w (inr e)] [ffun e => w (inl e)] x)%:R) <=
  \sum_(k < N.+1) bin_mass (p2 * (1 - p1)) N k * g k.
Proof.
move=> gs; rewrite -(left_law g x) !swapped; apply: le_Ex => // b; case: x => i o.
have /andP[rho0 rho1] := h3.
have := @aside_law _ n N p1 h1 kappa rho rho1 N0 mean f i (fun C => [set j | b (o, j)] :\: C) g rho0 gs.
rewrite -!columns_law //; congr (_ <= _); apply: eq_Ex => a; rewrite lower_part upper_part; first by rewrite /aside_bad /left_for /= ffunE.
by rewrite /left_for ffunE.
Qed.

(* too many inputs set aside; one of the others without a matching; those set aside not matched for some input and output *)
Definition mixed_loss (g1 g2 : nat -> R) : R :=
  \sum_(k < n.+1) bin_mass (fewer p1 kappa N) n k * (f < k)%N%:R +
  n%:R * (\sum_(k < N.+1) bin_mass p1 N k * ((kappa <= k)%N%:R * g1 k)) +
  (n * m)%:R * (\sum_(k < N.+1) bin_mass (p2 * (1 - p1)) N k * g2 k).

Theorem mixed_law g1 g2 : steps m p2 g1 -> steps f rho g2 ->
  Pr two_masks (fun w => mixed_bad [ffun e => w (inr e)] [ffun e => w (inl e)]) <= mixed_loss g1 g2.
Proof.
move=> gs1 gs2; rewrite /mixed_loss -many_law -addrA.
pose A (w : mask) := (f < #|aside [ffun e => w (inr e)]|)%N; pose B (w : mask) := [exists i, (i \notin aside [ffun e => w (inr e)]) && bad [ffun e => w (inr e)] [ffun e => w (inl e)] i].
pose C (w : mask) := [exists x, aside_bad [ffun e => w (inr e)] [ffun e => w (inl e)] x].
apply: (@le_trans _ _ (Ex two_masks (fun w => (A w)%:R + ((B w)%:R + (C w)%:R)))).
  apply: le_Ex => // w; rewrite /mixed_bad -/(A w) -/(B w) -/(C w).
  by case: (A w); case: (B w); case: (C w); rewrite /= -?natrD ler_nat.
rewrite !ExD lerD2l; apply: lerD; first exact: matching_law.
apply: le_trans (Pr_exists P01 _) _.
apply: le_trans (ler_sum _ (fun x _ => aside_bad_law x gs2)) _.
by rewrite sumr_const card_prod !card_ord mulr_natl.
Qed.
End Mixed.
