(* The failure of a factored source, bounded by a computation that runs inside Coq.                                   *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli exact_laws rounding upward factored factored_law factored_network.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

Section Computation.
Local Open Scope N_scope.
Definition up_zero : up := (0, 0).
Definition up_one : up := (1, 0).

(* C(n, k), C(n, k + 1), ... from c = C(n, k) *)
Fixpoint binomials (n c k : N) (length : nat) : seq N :=
  if length is l.+1 then c :: binomials n (c * (n - k) / (k + 1)) (k + 1) l else [::].

(* sum over t of C(m, t) C(k, t - 1) r^(t (k - t + 1)); the binomials from the t at hand on *)
Fixpoint hall_up (r : up) (k t : N) (cm ck : seq N) : up :=
  match cm, ck with
  | x :: cm', y :: ck' => up_add (up_mul (up_nat (x * y)) (up_pow r (t * (k - (t - 1))))) (hall_up r k (t + 1) cm' ck')
  | _, _ => up_zero
  end.
(* all terms where 2 e >= m; else e at both ends, and 2^(m + k) r^((e + 1)(k - e)) for those between *)
Definition lost_up (m e : nat) (r : up) (k : nat) : up :=
  if (k < m)%nat then up_one else
  let cm := binomials (N.of_nat m) (N.of_nat m) 1 m in
  let ck := binomials (N.of_nat k) 1 0 m in
  if (e + e < m)%nat then
    up_add (hall_up r (N.of_nat k) 1 (take e cm) (take e ck))
      (up_add (up_mul (up_nat (2 ^ N.of_nat (m + k))) (up_pow r (N.of_nat e.+1 * N.of_nat (k - e))))
        (hall_up r (N.of_nat k) (N.of_nat (m - e).+1) (drop (m - e) cm) (drop (m - e) ck)))
  else hall_up r (N.of_nat k) 1 cm ck.

(* constant between the columns js, from `at` on; before the first of them nothing is known but 1 *)
Fixpoint levels (m e : nat) (r : up) (before : up) (at' : nat) (js : seq nat) : seq up :=
  if js is j :: js' then nseq (j - at')%nat before ++ levels m e r (lost_up m e r j) j js' else [::].

Fixpoint span (at' : nat) (js : seq nat) : nat := if js is j :: js' then ((j - at') + span j js')%nat else 0%nat.

Fixpoint masses (p q : up) (N' k : N) (cs : seq N) : seq up :=
  if cs is c :: cs' then up_mul (up_nat c) (up_mul (up_pow p k) (up_pow q (N' - k))) :: masses p q N' (k + 1) cs'
  else [::].
Fixpoint weighted (ms gs : seq up) (rest : up) : up :=
  match ms, gs with
  | x :: ms', y :: gs' => up_add (up_mul x y) (weighted ms' gs' rest)
  | _, _ => rest
  end.

(* the mean of the losses of m rows, with density a2 / b2, over N' columns, each there with probability a1 / b1; *)
(* only from `from` columns on                                                                             *)
Definition loss_up (m N' : nat) (a1 b1 a2 b2 : N) (from e : nat) (js : seq nat) : up :=
  let r := up_ratio (b2 - a2) b2 in
  let gs := levels m e r up_one 0 js in
  let ms := masses (up_ratio a1 b1) (up_ratio (b1 - a1) b1) (N.of_nat N') (N.of_nat from)
    (drop from (binomials (N.of_nat N') 1 0 (size gs))) in
  weighted ms (drop from gs) (lost_up m e r (last 0%nat js)).
End Computation.

Local Open Scope ring_scope.
Section Sound.
Variable R : realFieldType.
Local Notation toR := (toR R).

Lemma toR_nat n : toR (N.of_nat n) = n%:R.
Proof. by rewrite /rounding.toR Nat2N.id. Qed.

Lemma binomialsE n k len : (k + len <= n.+1)%N ->
  binomials (N.of_nat n) (N.of_nat 'C(n, k)) (N.of_nat k) len = [seq N.of_nat 'C(n, i) | i <- iota k len].
Proof.
elim: len k => [//|len IH] k le /=; congr (_ :: _).
have -> : (N.of_nat k + 1)%bin = N.of_nat k.+1 by lia.
rewrite -IH; last by rewrite addSnnS.
congr binomials; symmetry; apply: N.div_unique_exact; first by lia.
rewrite -Nat2N.inj_sub -!Nat2N.inj_mul; congr N.of_nat.
by rewrite -[RHS]/(k.+1 * 'C(n, k.+1))%N mul_bin_left mulnC.
Qed.

Lemma value_one : value R up_one = 1. Proof. by rewrite /value /= divr1. Qed.
Lemma value_zero : value R up_zero = 0. Proof. by rewrite /value /= mul0r. Qed.

Lemma sum_binomials n : (\sum_(i < n.+1) 'C(n, i) = 2 ^ n)%N.
Proof. by rewrite -[2%N]/(1 + 1)%N Pascal; apply: eq_bigr => i _; rewrite !exp1n !muln1. Qed.

Lemma bin_le_sum n k : ('C(n, k) <= 2 ^ n)%N.
Proof.
case: (ltnP n k) => [/bin_small-> //|kn]; rewrite -sum_binomials.
by rewrite (bigD1 (Ordinal (kn : (k < n.+1)%N))) //= leq_addr.
Qed.

Section OneMap.
Variables (n m N' : nat) (p1 p2 : R) (r : up).
Hypotheses (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1) (hr : bounds r (1 - p2)).
Let r0 : 0 <= 1 - p2. Proof. by rewrite subr_ge0; case/andP: h2. Qed.

Lemma hall_upP k s len K T : K = N.of_nat k -> T = N.of_nat s.+1 ->
  \sum_(s.+1 <= t < s.+1 + len) ('C(m, t) * 'C(k, t.-1))%:R * (1 - p2) ^+ (t * (k - t.-1)) <=
  value R (hall_up r K T [seq N.of_nat 'C(m, i) | i <- iota s.+1 len] [seq N.of_nat 'C(k, i) | i <- iota s len]).
Proof.
move=> eK; elim: len s T => [|len IH] s T eT; first by rewrite addn0 big_geq //= value_zero.
rewrite big_ltn; last by rewrite addnS ltnS leq_addr.
have {}IH := IH s.+1 (T + 1)%bin ltac:(by rewrite eT; lia); rewrite -addSnnS.
apply: up_addP => //; apply: up_mulP; rewrite ?ler0n ?exprn_ge0 //.
  by apply: le_trans (up_natP R _); rewrite N2Nat.inj_mul !Nat2N.id.
apply: le_trans (up_powP _ r0 hr); rewrite le_eqVlt; apply/orP; left; apply/eqP; congr (_ ^+ _).
by rewrite N2Nat.inj_mul !N2Nat.inj_sub eT eK !Nat2N.id -[RHS]/(s.+1 * (k - (s.+1 - 1)))%N subn1.
Qed.

(* between the ends: (t - a) (b - t) >= 0 for a <= t <= b, with a = e + 1 and a + b <= k + 1 *)
Let between (e k t : nat) : (e < t)%N -> (t <= m - e)%N -> (m <= k)%N -> (e.+1 * (k - e) <= t * (k - t.-1))%N.
Proof.
move=> et tm mk.
have [x ex] : exists x, t = (e.+1 + x)%N by exists (t - e.+1)%N; rewrite subnKC.
have em : (e <= m)%N.
  rewrite leqNgt; apply/negP => /ltnW me; move: tm; rewrite (eqP (me : (m - e == 0)%N)) leqn0 => /eqP t0.
  by rewrite t0 in et.
have [y ey] : exists y, m = (e + t + y)%N by exists (m - e - t)%N; rewrite -addnA subnKC // subnKC.
have [z ez] : exists z, k = (m + z)%N by exists (k - m)%N; rewrite subnKC.
rewrite (_ : k - e = e.+1 + x + y + z)%N; last by rewrite ez ey ex -!plusE -minusE; lia.
rewrite (_ : k - t.-1 = e.+1 + y + z)%N; last by rewrite ez ey ex -!plusE -minusE /=; lia.
by rewrite ex; apply/ssrnat.leP; rewrite -!multE -!plusE; nia.
Qed.

Lemma lost_upP e k : lost m p2 k <= value R (lost_up m e r k).
Proof.
rewrite /lost /lost_up; case: ltnP => mk; first by rewrite value_one.
rewrite ge_min; apply/orP; right.
have /= := @binomialsE m 1 m (leqnn _); rewrite bin1 => ->.
have /= := @binomialsE k 0 m (leqW mk); rewrite bin0 => ->.
case: ltnP => em; last by have := @hall_upP k 0 m _ _ erefl erefl; rewrite add1n /hall_sum => /le_trans; apply; exact: lexx.
have e1 : (e <= m)%N by apply: leq_trans (ltnW em); exact: leq_addr.
have e2 : (e <= m - e)%N by rewrite leq_subRL // ltnW.
rewrite -!map_take -!map_drop !take_iota !drop_iota (minn_idPl e1) subKn // add0n add1n.
rewrite /hall_sum (big_cat_nat _ _ _ (isT : (1 <= e.+1)%N)) //=.
apply: up_addP; first by have := @hall_upP k 0 e _ _ erefl erefl; rewrite add1n.
rewrite (big_cat_nat _ _ _ (e2 : (e.+1 <= (m - e).+1)%N)) /=; last by rewrite ltnS leq_subr.
apply: up_addP; last first.
  by have := @hall_upP k (m - e)%N e _ _ erefl erefl; rewrite addSn subnK.
apply: (@le_trans _ _ ((2 ^ (m + k))%:R * (1 - p2) ^+ (e.+1 * (k - e)))); last first.
  apply: up_mulP; rewrite ?ler0n ?exprn_ge0 //.
    apply: le_trans (up_natP R _); rewrite le_eqVlt; apply/orP; left; apply/eqP; congr _%:R.
    rewrite N2Nat.inj_pow Nat2N.id -[N.to_nat 2]/2%N.
    by elim: (m + k)%N => // i IH; rewrite expnS IH PeanoNat.Nat.pow_succ_r'.
  apply: le_trans (up_powP _ r0 hr); rewrite le_eqVlt; apply/orP; left; apply/eqP; congr (_ ^+ _).
  by rewrite -[RHS]/(N.to_nat (N.of_nat e.+1 * N.of_nat (k - e))%bin) N2Nat.inj_mul !Nat2N.id.
apply: (@le_trans _ _ (\sum_(e.+1 <= t < (m - e).+1) ('C(m, t) * 'C(k, t.-1))%:R * (1 - p2) ^+ (e.+1 * (k - e)))).
  rewrite big_nat [X in _ <= X]big_nat; apply: ler_sum => t /andP[et]; rewrite ltnS => tm.
  rewrite ler_wpM2l ?ler0n // ler_wiXn2l ?between //.
  by case/andP: h2 => p0 _; rewrite lerBlDr lerDl.
rewrite -mulr_suml ler_wpM2r ?exprn_ge0 // -natr_sum ler_nat.
apply: (@leq_trans (\sum_(e.+1 <= t < (m - e).+1) 'C(m, t) * 2 ^ k)).
  apply: leq_sum => t _; rewrite leq_mul2l; apply/orP; right.
  exact: bin_le_sum.
rewrite -big_distrl /= expnD leq_mul2r; apply/orP; right.
rewrite -sum_binomials -(big_mkord xpredT (fun i => 'C(m, i))).
rewrite [X in (_ <= X)%N](big_cat_nat _ _ _ (leq0n e.+1)) /=; last by rewrite ltnS.
rewrite [X in (_ <= _ + X)%N](big_cat_nat _ _ _ (e2 : (e.+1 <= (m - e).+1)%N)) /=; last by rewrite ltnS leq_subr.
by rewrite addnCA leq_addr.
Qed.

Lemma lost_le1 k : lost m p2 k <= 1.
Proof. by rewrite /lost; case: ifP => // _; rewrite ge_min lexx. Qed.

(* the level at k comes from some j <= k *)
Lemma levelsP e js before at' pos : (at' <= pos)%N -> (exists j, (j <= pos)%N /\ lost m p2 j <= value R before) ->
  forall k d, (k < size (levels m e r before at' js))%N ->
    exists j, (j <= pos + k)%N /\ lost m p2 j <= value R (nth d (levels m e r before at' js) k).
Proof.
elim: js before at' pos => [//|j js IH] before at' pos le [j0 [j0p hj0]] k d /=.
rewrite size_cat size_nseq nth_cat size_nseq; case: (ltnP k (j - at')) => [lt _|ge lt].
  by exists j0; rewrite nth_nseq lt; split=> //; apply: leq_trans j0p _; exact: leq_addr.
have jp : (j <= pos + (j - at'))%N by rewrite -leq_subLR leq_sub2l.
have known : exists i, (i <= pos + (j - at'))%N /\ lost m p2 i <= value R (lost_up m e r j).
  by exists j; split=> //; exact: lost_upP.
have [|j1 [j1p hj1]] := IH (lost_up m e r j) j (pos + (j - at'))%N jp known (k - (j - at'))%N d.
  by rewrite ltn_subLR.
exists j1; split=> //; apply: leq_trans j1p _; by rewrite -addnA subnKC.
Qed.

Lemma size_levels e js before at' : size (levels m e r before at' js) = span at' js.
Proof. by elim: js before at' => [//|j js IH] before at' /=; rewrite size_cat size_nseq IH. Qed.

Lemma levels_last e js before at' : (last at' js <= at' + size (levels m e r before at' js))%N.
Proof.
elim: js before at' => [|j js IH] before at' /=; first by rewrite leq_addr.
rewrite size_cat size_nseq addnA; apply: leq_trans (IH (lost_up m e r j) j) _.
by rewrite leq_add2r -leq_subLR.
Qed.

Lemma weightedP (M : nat -> R) ms gs rest : (forall k, 0 <= M k) -> size ms = size gs ->
  (forall k, (k < size gs)%N -> bounds (nth up_zero ms k) (M k)) ->
  \sum_(k < size gs) M k * value R (nth rest gs k) + value R rest <= value R (weighted ms gs rest).
Proof.
elim: gs ms M => [|y gs IH] [|x ms] M M0 //=; first by rewrite big_ord0 add0r.
move=> [sz] hM; rewrite big_ord_recl -addrA; apply: up_addP.
  by apply: up_mulP => //; [exact: value_ge0|exact: (hM 0%N)|exact: lexx].
by apply: (IH ms (fun k => M k.+1)) => // k lt; exact: (hM k.+1).
Qed.

Lemma massesP p q k len : bounds p p1 -> bounds q (1 - p1) -> (k + len <= N'.+1)%N ->
  forall i, (i < len)%N -> bounds (nth up_zero (masses p q (N.of_nat N') (N.of_nat k)
    [seq N.of_nat 'C(N', i) | i <- iota k len]) i) (bin_mass p1 N' (k + i)).
Proof.
move=> hp hq; have /andP[p0 p1'] := h1; have q0 : 0 <= 1 - p1 by rewrite subr_ge0.
elim: len k => [//|len IH] k le [|i] /= lt; last first.
  have -> : (N.of_nat k + 1)%bin = N.of_nat k.+1 by rewrite N.add_1_r -Nat2N.inj_succ.
  by rewrite addnS -addSn; apply: IH => //; rewrite addSnnS.
rewrite addn0 /bin_mass -mulrA; apply: up_mulP; rewrite ?ler0n ?mulr_ge0 ?exprn_ge0 //.
  by apply: le_trans (up_natP R _); rewrite Nat2N.id.
apply: up_mulP; rewrite ?exprn_ge0 //.
  by apply: le_trans (up_powP _ p0 hp); rewrite Nat2N.id.
apply: le_trans (up_powP _ q0 hq); rewrite le_eqVlt; apply/orP; left; apply/eqP; congr (_ ^+ _).
by rewrite N2Nat.inj_sub !Nat2N.id.
Qed.

Lemma size_masses p q k cs : size (masses p q (N.of_nat N') k cs) = size cs.
Proof. by elim: cs k => [//|c cs IH] k /=; rewrite IH. Qed.

Lemma size_binomials a c k len : size (binomials a c k len) = len.
Proof. by elim: len c k => [//|len IH] c k /=; rewrite IH. Qed.

Lemma mass_ge0' k : 0 <= bin_mass p1 N' k.
Proof. by have /andP[p0 p1'] := h1; rewrite /bin_mass !mulr_ge0 ?ler0n ?exprn_ge0 ?subr_ge0. Qed.

Lemma mass_sum : \sum_(k < N'.+1) bin_mass p1 N' k = 1.
Proof.
have := @binomial_law R [finType of 'I_N'] p1 (fun=> 1); rewrite card_ord Ex_cst => ->.
by apply: eq_bigr => k _; rewrite mulr1.
Qed.

(* what the certificate takes for the loss at k *)
Variables (e : nat) (js : seq nat).
Let gs := levels m e r up_one 0 js.
Let rest := lost_up m e r (last 0%N js).
Definition level (k : nat) : R := value R (nth rest gs k).

Lemma level_steps : steps m p2 level.
Proof.
move=> k; rewrite /level; case: (ltnP k (size gs)) => [lt|ge].
  have [|j [jk hj]] := @levelsP e js up_one 0%N 0%N (leqnn _) _ k rest lt; last by exists j.
  by exists 0%N; rewrite value_one; split=> //; exact: lost_le1.
rewrite nth_default //; exists (last 0%N js); split; last exact: lost_upP.
by apply: leq_trans ge; have := levels_last e js up_one 0%N; rewrite add0n.
Qed.

Lemma weighted_levels p q from : bounds p p1 -> bounds q (1 - p1) -> (from <= span 0 js <= N'.+1)%N ->
  \sum_(k < N'.+1) bin_mass p1 N' k * ((from <= k)%N%:R * level k) <=
  value R (weighted (masses p q (N.of_nat N') (N.of_nat from) (drop from (binomials (N.of_nat N') 1 0 (size gs)))) (drop from gs) rest).
Proof.
rewrite -(size_levels e js up_one 0) -/gs => hp hq /andP[fs le]; have /= := @binomialsE N' 0 (size gs) le; rewrite bin0 => ->.
have fits : (from + (size gs - from) <= N'.+1)%N by rewrite subnKC.
rewrite -map_drop drop_iota add0n.
apply: le_trans (weightedP (M := fun k => bin_mass p1 N' (from + k)) _ _ _ _); first 1 last.
- by move=> k; exact: mass_ge0'.
- by rewrite size_masses size_map size_iota size_drop.
- by move=> k; rewrite size_drop => lt; exact: (massesP hp hq (k := from) (len := size gs - from) fits).
rewrite -(big_mkord xpredT (fun k => bin_mass p1 N' k * ((from <= k)%N%:R * level k))) (big_cat_nat _ _ _ (leq0n _) le) /=.
apply: lerD.
  rewrite (big_cat_nat _ _ _ (leq0n from) fs) /= big_nat_cond big1 ?add0r => [|k /andP[/andP[_ kf] _]]; last first.
    by rewrite leqNgt kf mul0r mulr0.
  rewrite -{1}[from]add0n big_addn big_mkord size_drop le_eqVlt; apply/orP; left; apply/eqP; apply: eq_bigr => k _.
  by rewrite leq_addl mul1r nth_drop /level addnC.
apply: (@le_trans _ _ (\sum_(size gs <= k < N'.+1) bin_mass p1 N' k * value R rest)).
  rewrite le_eqVlt; apply/orP; left; apply/eqP; apply: eq_big_nat => k /andP[ge _].
  by rewrite /level nth_default // (leq_trans fs) // mul1r.
rewrite -mulr_suml -[X in _ <= X]mul1r ler_wpM2r ?value_ge0 // -mass_sum.
rewrite -(big_mkord xpredT (bin_mass p1 N')) [X in _ <= X](big_cat_nat _ _ _ (leq0n _) le) /= lerDr.
by apply: sumr_ge0 => k _; exact: mass_ge0'.
Qed.
End OneMap.

Lemma complement_up (x y : N) : (0 <? y)%bin -> (x <=? y)%bin -> bounds (up_ratio (y - x) y) (1 - toR x / toR y : R).
Proof. by move=> y0 xy; rewrite ratio_rest //; exact/up_ratioP/N.ltb_lt. Qed.

(* `loss_up` is an upper bound, for losses that are steps *)
Lemma loss_upP m N' (a1 b1 a2 b2 : N) from e js :
  [&& 0 <? b1, a1 <=? b1, 0 <? b2 & a2 <=? b2]%bin -> (from <= span 0 js <= N'.+1)%N ->
  let g := level m (up_ratio (b2 - a2) b2) e js in
  steps m (toR a2 / toR b2) g /\
  \sum_(k < N'.+1) bin_mass (toR a1 / toR b1) N' k * ((from <= k)%N%:R * g k) <= value R (loss_up m N' a1 b1 a2 b2 from e js).
Proof.
move=> /and4P[b10 ab1 b20 ab2] fs; have h1 := ratio01 R b10 ab1; have h2 := ratio01 R b20 ab2.
have r2 : bounds (up_ratio (b2 - a2) b2) (1 - toR a2 / toR b2 : R) by exact: complement_up.
split; first exact: (level_steps m h1 h2 r2).
have bp : bounds (up_ratio a1 b1) (toR a1 / toR b1 : R) by exact/up_ratioP/N.ltb_lt.
exact: (weighted_levels m (up_ratio (b2 - a2) b2) h1 e bp (complement_up b10 ab1) fs).
Qed.
End Sound.
