(* One inner neuron less, for the mixed theorem: with every choice of what is set aside that keeps within its parts of   *)
(* a share of delta, the bound is above that share.                                                                     *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli exact_laws rounding upward factored factored_law small_sets factored_mixed_law.
From ERProofs Require Import factored_certificate enclosures conditioning factored_minimal.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

Section Computation.
Local Open Scope N_scope.
Variable bits : N.
Let S : N := 2 ^ bits.
Variables (n m N' : nat) (a1 b1 a2 b2 : N).
(* P(Bin(N', p1) < k), and the mean there from above *)
Definition fewer_dn (k : nat) : N :=
  mean_dn bits (fun=> S) (ratio bits 0 a1 b1) (ratio bits 0 (b1 - a1) b1) (N.of_nat N') 0 (window (N.of_nat N') 0 k).
Definition fewer_up (k : nat) : N :=
  mean_up bits (fun=> S) (ratio bits 1 a1 b1) (ratio bits 1 (b1 - a1) b1) (N.of_nat N') 0 (window (N.of_nat N') 0 k).
Definition readers_up (k : nat) : N :=
  mean_up bits (fun i => i * S) (ratio bits 1 a1 b1) (ratio bits 1 (b1 - a1) b1) (N.of_nat N') 0 (window (N.of_nat N') 0 k).
(* P(Bin(n, P(Bin(N', p1) < k)) > f), by `terms` terms *)
Definition many_dn (k f terms : nat) : N :=
  mean_dn bits (fun=> S) (fewer_dn k, bits) (S - fewer_up k, bits) (N.of_nat n) (N.of_nat f.+1) (window (N.of_nat n) f.+1 terms).
(* the mean of the losses of so many rows with a density whose rest is at least r, over the columns k0, k0 + 1, ... *)
Definition losses_dn (rows e : nat) (r p q : up) (k0 len : nat) : N :=
  let floor := floors bits rows e r S 0 (k0 + len)%nat in
  mean_dn bits (fun k => nth 0 floor (N.to_nat k)) p q (N.of_nat N') (N.of_nat k0) (window (N.of_nat N') k0 len).
Definition matched_dn (e k0 len : nat) : N :=
  losses_dn m e (ratio bits 0 (b2 - a2) b2) (ratio bits 0 a1 b1) (ratio bits 0 (b1 - a1) b1) k0 len.
Definition aside_dn (f e : nat) (c d : N) (k0 len : nat) : N :=
  losses_dn f e (ratio bits 0 (d - c) d) (ratio bits 0 (a2 * (b1 - a1)) (b2 * b1))
    (ratio bits 0 (b2 * b1 - a2 * (b1 - a1)) (b2 * b1)) k0 len.

(* where the bound is computed: the least kappa, and the least f with it and with the next kappa, that keep the parts *)
(* num / den / 2 for those that are matched and num / den / 10 for too many; ends, start and length of windows        *)
Record choice := Choice {
  kappa0 : nat; aside0 : nat; rho_up_num : N; rho_up_den : N; aside1 : nat; terms : nat;
  ends_fewer : nat; start_fewer : nat; many_fewer : nat; ends_here : nat; start_here : nat; many_here : nat;
  ends_left : nat; start_left : nat; many_left : nat; ends_more : nat; start_more : nat; many_more : nat;
  ends_next : nat; start_next : nat; many_next : nat }.
(* divided: the third term over 1 - P(Bin(N', p1) < kappa), as in the law that the program uses *)
Variables (divided : bool) (num den : N) (x : choice).
Let k0 := kappa0 x.
Let f0 := aside0 x.
Let f1 := aside1 x.
Let all : N := N.of_nat n * N.of_nat m.
Definition windows_ok : bool :=
  [&& (start_fewer x + many_fewer x <= N'.+1)%nat, (k0 <= (start_fewer x).+1)%nat,
    (start_here x + many_here x <= N'.+1)%nat, (k0 <= start_here x)%nat, (start_left x + many_left x <= N'.+1)%nat,
    (start_more x + many_more x <= N'.+1)%nat, (start_next x + many_next x <= N'.+1)%nat & (f0.+1 + terms x <= n.+1)%nat].
Definition numbers_ok : bool :=
  [&& 0 <? b1, a1 <=? b1, 0 <? b2, a2 <=? b2, 0 <? den, 0 <? rho_up_den x, rho_up_num x <=? rho_up_den x &
    [&& (0 < k0 <= N')%nat, 0 <? fewer_dn k0, fewer_up k0 <=? S, fewer_up k0.+1 <=? S &
      readers_up k0 * rho_up_den x <=? N.of_nat N' * rho_up_num x * fewer_dn k0]].
Definition share_below (known left : N) : bool :=
  if divided then num * S * (S - fewer_dn k0) <? (known * (S - fewer_dn k0) + left * S) * den
  else num * S <? (known + left) * den.
Definition mixed_above : bool :=
  let here := N.of_nat n * matched_dn (ends_here x) (start_here x) (many_here x) in
  let left f e k l := all * aside_dn f e (rho_up_num x) (rho_up_den x) k l in
  [&& windows_ok, numbers_ok,
    num * S <? 2 * N.of_nat n * matched_dn (ends_fewer x) (start_fewer x) (many_fewer x) * den,
    (f0 == 0)%nat || ((f0 + terms x <= n.+1)%nat && (num * S <? 10 * many_dn k0 f0.-1 (terms x) * den)),
    share_below (many_dn k0 f0 (terms x) + here) (left f0 (ends_left x) (start_left x) (many_left x)),
    share_below here (left f0.+1 (ends_more x) (start_more x) (many_more x)),
    (f1 == 0)%nat || ((f1 + terms x <= n.+1)%nat && (num * S <? 10 * many_dn k0.+1 f1.-1 (terms x) * den)) &
    num * S <? all * aside_dn f1 (ends_next x) a1 b1 (start_next x) (many_next x) * den].
End Computation.

Local Open Scope ring_scope.
Section Monotone.
Variable R : realFieldType.

(* more rows lose more, and less often with a larger density *)
Lemma lost_rows m m' (p : R) k : 0 <= p <= 1 -> (m <= m')%N -> lost m p k <= lost m' p k.
Proof.
move=> /andP[p0 p1] le; rewrite /lost; case: (ltnP k m') => [_|mk].
  by case: ifP => // _; rewrite ge_min lexx.
rewrite ltnNge (leq_trans le mk) /=; rewrite le_min !ge_min lexx /=; apply/orP; right.
rewrite /hall_sum (big_cat_nat _ _ _ (isT : (1 <= m.+1)%N) (_ : (m.+1 <= m'.+1)%N)) //=.
have term0 M t : 0 <= ('C(M, t) * 'C(k, t.-1))%:R * (1 - p) ^+ (t * (k - t.-1)) by rewrite mulr_ge0 ?ler0n ?exprn_ge0 ?subr_ge0.
rewrite -[X in X <= _]addr0; apply: lerD; last by apply: sumr_ge0 => t _; exact: term0.
rewrite big_nat [X in _ <= X]big_nat; apply: ler_sum => t _; rewrite ler_wpM2r ?exprn_ge0 ?subr_ge0 // ler_nat.
by apply: leq_mul => //; exact: leq_bin2l.
Qed.

Lemma lost_density m (p p' : R) k : 0 <= p -> p <= p' -> p' <= 1 -> lost m p' k <= lost m p k.
Proof.
move=> p0 pp p1; rewrite /lost; case: ifP => // _; rewrite le_min !ge_min lexx /=; apply/orP; right.
rewrite /hall_sum; apply: ler_sum => t _; apply: ler_wpM2l; first exact: ler0n.
by apply: lerXn2r; rewrite ?nnegrE ?subr_ge0 ?(le_trans pp) // lerD2l lerN2.
Qed.

(* as a mean of losses *)
Lemma steps_weaken m m' (p p' : R) g : 0 <= p -> p <= p' -> p' <= 1 -> (m <= m')%N -> steps m' p g -> steps m p' g.
Proof.
move=> p0 pp p1 le gs k; have [j [jk lj]] := gs k; exists j; split=> //; apply: le_trans lj.
apply: le_trans (lost_density m j p0 pp p1) _; apply: lost_rows => //; by rewrite p0 (le_trans pp).
Qed.

(* more is more likely where each is *)
Lemma binomial_above (x y : R) n f : 0 <= x -> x <= y -> y <= 1 ->
  \sum_(k < n.+1) bin_mass x n k * (f < k)%N%:R <= \sum_(k < n.+1) bin_mass y n k * (f < k)%N%:R.
Proof.
move=> x0 xy y1; pose F k : R := (f < k)%N%:R.
have := binomial_law [finType of 'I_n] x F; have := binomial_law [finType of 'I_n] y F; rewrite card_ord => <- <-.
apply: Ex_mono => [v|u u' le]; first by rewrite x0 xy.
rewrite /F ler_nat; case: ltnP => // lt; suff -> : (f < #|[pred e | u' e]|)%N by [].
by apply: leq_trans lt _; apply: subset_leq_card; apply/subsetP => e; rewrite !inE; exact: le.
Qed.

Lemma above_less (x : R) n f f' : 0 <= x <= 1 -> (f <= f')%N ->
  \sum_(k < n.+1) bin_mass x n k * (f' < k)%N%:R <= \sum_(k < n.+1) bin_mass x n k * (f < k)%N%:R.
Proof.
move=> /(bin_mass_ge0 n) m0 le; apply: ler_sum => k _; apply: ler_wpM2l; first exact: m0.
by rewrite ler_nat; case: (ltnP f' k) => // /(leq_ltn_trans le)->.
Qed.
End Monotone.

Section Sound.
Variables (R : realFieldType) (bits : N).
Local Notation toR := (toR R).
Let S : N := (2 ^ bits)%bin.
Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR S. Proof. exact: (toR_lt R S0). Qed.
Variables (n m N' : nat) (a1 b1 a2 b2 num den : N) (divided : bool) (x : choice).
Hypothesis ok : mixed_above bits n m N' a1 b1 a2 b2 divided num den x.
Let p1 : R := toR a1 / toR b1.
Let p2 : R := toR a2 / toR b2.
Let share : R := toR num / toR den.
Let k0 := kappa0 x.
Let f0 := aside0 x.
Let f1 := aside1 x.
Let rho0 : R := toR (rho_up_num x) / toR (rho_up_den x).

Let dens : [/\ (0 <? b1)%bin, (a1 <=? b1)%bin, (0 <? b2)%bin & (a2 <=? b2)%bin].
Proof. by have /and3P[_ /and5P[q1 q2 q3 q4 _] _] := ok; split. Qed.
Let p1_01 : 0 <= p1 <= 1. Proof. by have [? ? _ _] := dens; exact: ratio01. Qed.
Let p2_01 : 0 <= p2 <= 1. Proof. by have [_ _ ? ?] := dens; exact: ratio01. Qed.
Let rest : 1 - p1 = toR (b1 - a1)%bin / toR b1.
Proof. by have [? ? _ _] := dens; exact: ratio_rest. Qed.
Let rho_01 : 0 <= rho0 <= 1.
Proof. by have /and3P[_ /and5P[_ _ _ _ /and4P[_ q1 q2 _]] _] := ok; exact: ratio01. Qed.
Let dp : 0 < toR den.
Proof. by have /and3P[_ /and5P[_ _ _ _ /and4P[/N.ltb_lt/(toR_lt R) q _ _ _]] _] := ok. Qed.
Let chosen : [/\ (0 < k0 <= N')%N, (0 <? fewer_dn bits N' a1 b1 k0)%bin, (fewer_up bits N' a1 b1 k0 <=? S)%bin,
  (fewer_up bits N' a1 b1 k0.+1 <=? S)%bin &
  (readers_up bits N' a1 b1 k0 * rho_up_den x <=? N.of_nat N' * rho_up_num x * fewer_dn bits N' a1 b1 k0)%bin].
Proof. by have /and3P[_ /and5P[_ _ _ _ /and4P[_ _ _ /and5P[q1 q2 q3 q4 q5]]] _] := ok; split. Qed.
Let k0N : (k0 <= N')%N. Proof. by have [/andP[]] := chosen. Qed.

Let joint : R := p2 * (1 - p1).
Let joint_ok : (0 <? b2 * b1)%bin /\ (a2 * (b1 - a1) <=? b2 * b1)%bin.
Proof.
have [/N.ltb_lt x1 /N.leb_le x2 /N.ltb_lt x3 /N.leb_le x4] := dens; split; first exact/N.ltb_lt/N.mul_pos_pos.
by apply/N.leb_le/N.mul_le_mono => //; exact: N.le_sub_l.
Qed.
Let jointE : toR (a2 * (b1 - a1))%bin / toR (b2 * b1)%bin = joint.
Proof. by rewrite /joint rest !toRM mulf_div. Qed.
Let joint_01 : 0 <= joint <= 1. Proof. by have [? ?] := joint_ok; rewrite -jointE; exact: ratio01. Qed.

Lemma losses_dnP rows e (r p q : up) (y d : R) k len g : 0 <= y <= 1 -> 0 <= d <= 1 -> under r (1 - d) -> under p y ->
  under q (1 - y) -> steps rows d g -> (k + len <= N'.+1)%N ->
  below S (losses_dn bits N' rows e r p q k len) (\sum_(k <= i < k + len) bin_mass y N' i * g i).
Proof.
move=> y01 d01 hr hp hq gs fits; have g0 i : 0 <= g i by exact: steps_ge0 gs.
have hF i : below S (nth 0%bin (floors bits rows e r S 0 (k + len)) (N.to_nat (N.of_nat i))) (g i).
  rewrite Nat2N.id; case: (ltnP i (k + len)) => il; last by rewrite nth_default ?size_floors //; exact: (mulr_ge0 (g0 i) (ltW s0)).
  have [j [ji le]] := gs i; apply: le_trans (_ : lost rows d j * toR S <= _); last by rewrite ler_pM2r.
  have none j' : (j' < 0)%N -> below S S (lost rows d j') by [].
  exact: (@floorsP R bits rows e _ _ d01 hr S 0%N (k + len) none i j il ji).
pose Fd (i : N) := nth 0%bin (floors bits rows e r S 0 (k + len)) (N.to_nat i).
by rewrite /losses_dn (windowE fits); exact: (mean_dnP y01 g0 (Fd := Fd) hp hq hF fits).
Qed.

Let up_p1 : bounds (ratio bits 1 a1 b1) p1. Proof. by have [/N.ltb_lt b0 _ _ _] := dens; exact: ratio_ge. Qed.
Let up_q1 : bounds (ratio bits 1 (b1 - a1) b1) (1 - p1). Proof. by have [? ? _ _] := dens; exact: rest_ge. Qed.
Let dn_p1 : under (ratio bits 0 a1 b1) p1. Proof. by have [/N.ltb_lt b0 _ _ _] := dens; exact: ratio_le. Qed.
Let dn_q1 : under (ratio bits 0 (b1 - a1) b1) (1 - p1). Proof. by have [? ? _ _] := dens; exact: rest_le. Qed.
Let one (i : nat) : above S S (1 : R). Proof. by rewrite /above mul1r. Qed.
Let one' (i : nat) : below S S (1 : R). Proof. by rewrite /below mul1r. Qed.
Let whole (F : nat -> R) k : \sum_(0 <= i < 0 + k) bin_mass p1 N' i * F i = \sum_(i < k) bin_mass p1 N' i * F i.
Proof. by rewrite add0n big_mkord. Qed.
Let fewerE k : \sum_(i < k) bin_mass p1 N' i * 1 = fewer p1 k N'.
Proof. by apply: eq_bigr => i _; rewrite mulr1. Qed.
Let listed k : (k <= N'.+1)%N -> window (N.of_nat N') 0 k = [seq N.of_nat 'C(N', i) | i <- iota 0 k].
Proof. by move=> le; rewrite windowE // add0n. Qed.

Lemma fewer_dnP k : (k <= N'.+1)%N -> below S (fewer_dn bits N' a1 b1 k) (fewer p1 k N').
Proof.
move=> le; have := mean_dnP p1_01 (F := fun=> 1) (fun=> ler01) (Fd := fun=> S) dn_p1 dn_q1 one' (k := 0) (len := k) le.
by rewrite (whole (fun=> 1)) fewerE /fewer_dn listed.
Qed.
Lemma fewer_upP k : (k <= N'.+1)%N -> above S (fewer_up bits N' a1 b1 k) (fewer p1 k N').
Proof.
move=> le; have := mean_upP p1_01 (F := fun=> 1) (fun=> ler01) (Fu := fun=> S) up_p1 up_q1 one (k := 0) (len := k) le.
by rewrite (whole (fun=> 1)) fewerE /fewer_up listed.
Qed.
Lemma readers_upP k : (k <= N'.+1)%N -> above S (readers_up bits N' a1 b1 k) (\sum_(i < k) bin_mass p1 N' i * i%:R).
Proof.
move=> le; have high (i : nat) : above S (N.of_nat i * S)%bin (i%:R : R) by rewrite /above toRM toR_nat.
have := mean_upP p1_01 (F := fun i => i%:R) (fun i => ler0n R i) (Fu := fun k => (k * S)%bin) up_p1 up_q1 high (k := 0) (len := k) le.
by rewrite whole /readers_up listed.
Qed.

Let fewer_le k k' : (k <= k')%N -> (k' <= N'.+1)%N -> fewer p1 k N' <= fewer p1 k' N'.
Proof.
move=> kk _; rewrite /fewer (big_ord_widen _ (fun i => bin_mass p1 N' i) kk) big_mkcond /=.
by apply: ler_sum => i _; case: ifP => // _; exact: bin_mass_ge0.
Qed.
Let fewer01 k : (k <= N'.+1)%N -> 0 <= fewer p1 k N' <= 1.
Proof.
by move=> le; rewrite fewer_ge0 //= -(mass_sum N' p1) -/(fewer p1 N'.+1 N'); exact: fewer_le.
Qed.

(* the mean of a small number is at most the mean *)
Lemma readers_le k : (0 < N')%N -> \sum_(i < k) bin_mass p1 N' i * i%:R <= N'%:R * p1 * fewer p1 k N'.
Proof.
move=> N0; set M := \sum_(i < k) _; case: (eqVneq k 0%N) => [k00|kn].
  by rewrite /M /fewer k00 !big_ord0 mulr0.
have Np : 0 < N'%:R :> R by rewrite ltr0n.
case: (lerP (fewer p1 k N') 0) => [le0|pos].
  have z : fewer p1 k N' = 0 by apply/eqP; rewrite eq_le le0 fewer_ge0.
  rewrite z mulr0 /M big1 // => i _; have /eqP := z; rewrite /fewer psumr_eq0 => [/allP/(_ i)|j _]; last exact: bin_mass_ge0.
  by rewrite mem_index_enum => /(_ isT)/eqP->; rewrite mul0r.
pose rho := M / (N'%:R * fewer p1 k N').
have mean : N'%:R * rho * fewer p1 k N' <= M.
  by rewrite /rho mulrAC mulrC divfK // mulf_neq0 // gt_eqF.
have one_less := fewer_mean N0 mean.
have next : fewer p1 k N' <= fewer p1 k N'.-1.
  case: (k) kn => // k' _; rewrite -{1}(prednK N0) fewer_next lerBlDr lerDl mulr_ge0 //; last exact: bin_mass_ge0.
  by case/andP: p1_01.
have : (1 - p1) * fewer p1 k N' <= (1 - rho) * fewer p1 k N'.
  apply: le_trans one_less; apply: ler_wpM2l => //; rewrite subr_ge0; by case/andP: p1_01.
rewrite ler_pM2r // lerD2l lerN2 /rho ler_pdivrMr ?mulr_gt0 // => h.
by apply: le_trans h _; rewrite mulrCA mulrA.
Qed.

Lemma matched_dnP kappa e k len g : (kappa <= k)%N -> (k + len <= N'.+1)%N -> steps m p2 g ->
  below S (matched_dn bits m N' a1 b1 a2 b2 e k len) (\sum_(i < N'.+1) bin_mass p1 N' i * ((kappa <= i)%N%:R * g i)).
Proof.
move=> le fits gs; have [b10 ab1 b20 ab2] := dens; have g0 i : 0 <= g i by exact: steps_ge0 gs.
have F0 i : 0 <= (kappa <= i)%N%:R * g i by rewrite mulr_ge0 ?ler0n.
apply: le_trans (losses_dnP e p1_01 p2_01 (rest_le R bits b20 ab2) dn_p1 dn_q1 gs fits) _.
rewrite ler_pM2r //; apply: le_trans (part_of p1_01 F0 fits); rewrite big_nat [X in _ <= X]big_nat.
by apply: ler_sum => i /andP[ki _]; rewrite (leq_trans le ki) mul1r.
Qed.

Lemma aside_dnP f c d e k len g : (0 <? d)%bin -> (c <=? d)%bin -> (k + len <= N'.+1)%N -> steps f (toR c / toR d) g ->
  below S (aside_dn bits N' a1 b1 a2 b2 f e c d k len) (\sum_(i < N'.+1) bin_mass joint N' i * g i).
Proof.
move=> d0 cd fits gs; have [j0 jl] := joint_ok; have d01 : 0 <= toR c / toR d <= 1 by exact: ratio01.
have hp : under (ratio bits 0 (a2 * (b1 - a1))%bin (b2 * b1)%bin) joint by rewrite -jointE; exact/ratio_le/N.ltb_lt.
have hq : under (ratio bits 0 (b2 * b1 - a2 * (b1 - a1))%bin (b2 * b1)%bin) (1 - joint) by rewrite -jointE; exact: rest_le.
apply: le_trans (losses_dnP e joint_01 d01 (rest_le R bits d0 cd) hp hq gs fits) _.
by rewrite ler_pM2r //; apply: part_of => // i; exact: steps_ge0 gs.
Qed.

Definition above_chance k f : R := \sum_(i < n.+1) bin_mass (fewer p1 k N') n i * (f < i)%N%:R.

Lemma many_dnP k f len : (k <= N'.+1)%N -> (fewer_up bits N' a1 b1 k <=? S)%bin -> (f.+1 + len <= n.+1)%N ->
  below S (many_dn bits n N' a1 b1 k f len) (above_chance k f).
Proof.
move=> le /N.leb_le upS fits; have y01 := fewer01 le; have F0 (i : nat) : 0 <= (f < i)%N%:R :> R by exact: ler0n.
have hp : under (fewer_dn bits N' a1 b1 k, bits) (fewer p1 k N').
  by rewrite /under /upward.value /= ler_pdivrMr //; exact: fewer_dnP.
have hq : under ((S - fewer_up bits N' a1 b1 k)%bin, bits) (1 - fewer p1 k N').
  by rewrite /under /upward.value /= ler_pdivrMr //; apply: compl_dn => //; exact: fewer_upP.
rewrite /many_dn (windowE fits).
apply: le_trans (mean_dnP y01 (F := fun=> 1) (fun=> ler01) (Fd := fun=> S) hp hq one' fits) _.
rewrite ler_pM2r //; apply: le_trans (part_of y01 F0 fits); rewrite big_nat [X in _ <= X]big_nat.
by apply: ler_sum => i /andP[fi _]; rewrite fi.
Qed.

Let scaled (c v : N) (X : R) : below S v X -> below S (c * v)%bin (toR c * X).
Proof. by move=> h; rewrite /below toRM -mulrA ler_wpM2l ?toR_ge0. Qed.
Let seen (v : N) (X : R) : (num * S <? v * den)%bin -> below S v X -> share < X.
Proof.
move=> /N.ltb_lt lt h; rewrite ltr_pdivrMr // -(ltr_pM2r s0) -toRM; apply: lt_le_trans (toR_lt R lt) _.
by rewrite toRM mulrAC ler_wpM2r // ltW.
Qed.
Let toR_two : toR 2 = 2%:R. Proof. by []. Qed.

Definition divisor kappa : R := if divided then 1 - fewer p1 kappa N' else 1.
Lemma divisor_gt0 kappa : fewer p1 kappa N' < 1 -> 0 < divisor kappa.
Proof. by rewrite /divisor; case: divided; rewrite ?subr_gt0 ?ltr01. Qed.
Let seen_parts (v l : N) (X Y : R) : share_below bits N' a1 b1 divided num den x v l -> (k0 <= N'.+1)%N ->
  0 < divisor k0 -> 0 <= Y -> below S v X -> below S l Y -> share < X + Y / divisor k0.
Proof.
rewrite /share_below /divisor -/k0; case: divided => lt kN w0 Y0 hv hl; last by rewrite divr1; exact: (seen lt (below_add hv hl)).
have few := fewer_dnP kN; set fd := fewer_dn bits N' a1 b1 k0 in lt few.
have w1 : (1 - fewer p1 k0 N') * toR S <= toR S - toR fd by rewrite mulrBl mul1r lerD2l lerN2.
have rp : 0 < toR S - toR fd by apply: lt_le_trans w1; rewrite mulr_gt0.
have le : (fd <= S)%bin by case: (N.le_gt_cases fd S) => // /(toR_lt R)/ltW; rewrite -subr_le0 leNgt rp.
have rE : toR (S - fd)%bin = toR S - toR fd by exact: toR_sub.
have h : toR v / toR S + toR l / (toR S - toR fd) <= X + Y / (1 - fewer p1 k0 N').
  apply: lerD; first by rewrite ler_pdivrMr.
  rewrite ler_pdivrMr // mulrAC ler_pdivlMr //; apply: le_trans (ler_wpM2r (ltW w0) hl) _.
  by rewrite -mulrA ler_wpM2l // mulrC.
apply: lt_le_trans h; rewrite addf_div ?gt_eqF // ltr_pdivrMr // mulrAC ltr_pdivlMr ?mulr_gt0 //.
by move/N.ltb_lt/(toR_lt R): lt; rewrite !toRM toRD !toRM rE mulrA.
Qed.

Theorem mixed_aboveP kappa f rho g1 g2 : fewer p1 kappa N' < 1 -> (kappa <= N'.+1)%N -> 0 <= rho <= 1 ->
  N'%:R * rho * fewer p1 kappa N' <= \sum_(i < kappa) bin_mass p1 N' i * i%:R -> steps m p2 g1 -> steps f rho g2 ->
  \sum_(k < n.+1) bin_mass (fewer p1 kappa N') n k * (f < k)%N%:R <= share / 10%:R ->
  n%:R * (\sum_(k < N'.+1) bin_mass p1 N' k * ((kappa <= k)%N%:R * g1 k)) <= share / 2%:R ->
  share < \sum_(k < n.+1) bin_mass (fewer p1 kappa N') n k * (f < k)%N%:R +
    n%:R * (\sum_(k < N'.+1) bin_mass p1 N' k * ((kappa <= k)%N%:R * g1 k)) +
    (n * m)%:R * (\sum_(k < N'.+1) bin_mass (p2 * (1 - p1)) N' k * g2 k) / divisor kappa.
Proof.
have := ok; rewrite /mixed_above => /and5P[win _ lowA lowB /and4P[lowC lowD lowE lowF]].
have /and5P[w1 w2 w3 w4 /and4P[w5 w6 w7 w8]] := win.
have [/andP[k00 _] pos up0 up1 /N.leb_le hrho] := chosen.
have N0 : (0 < N')%N by exact: leq_trans k00 k0N.
have Np : 0 < N'%:R :> R by rewrite ltr0n.
have [b10 ab1 b20 ab2] := dens; have /andP[p10 p11] := p1_01.
have few0 : 0 < fewer p1 k0 N'.
  have := fewer_dnP (leqW k0N); rewrite /below; have /N.ltb_lt/(toR_lt R) := pos => q /(lt_le_trans q).
  by rewrite pmulr_lgt0.
move=> /divisor_gt0 w0 kN rho01 mean gs1 gs2 manyle matchedle; have /andP[rho0' rho1] := rho01.
have scale_n (v : N) (X : R) : below S v X -> below S (N.of_nat n * v)%bin (n%:R * X).
  by move=> h; have := scaled (N.of_nat n) h; rewrite toR_nat.
have scale_nm (v : N) (X : R) : below S v X -> below S (N.of_nat n * N.of_nat m * v)%bin ((n * m)%:R * X).
  by move=> h; have := scaled (N.of_nat n * N.of_nat m) h; rewrite toRM !toR_nat natrM.
have manyE k i : above_chance k i = \sum_(k1 < n.+1) bin_mass (fewer p1 k N') n k1 * (i < k1)%N%:R by [].
have many_pos k i : (k <= N'.+1)%N -> 0 <= above_chance k i.
  by move=> le; apply: sumr_ge0 => j _; rewrite mulr_ge0 ?ler0n //; exact: (bin_mass_ge0 n (fewer01 le)).
have second0 : 0 <= n%:R * (\sum_(k < N'.+1) bin_mass p1 N' k * ((kappa <= k)%N%:R * g1 k)).
  rewrite mulr_ge0 ?ler0n //; apply: sumr_ge0 => k _; rewrite mulr_ge0 ?bin_mass_ge0 // mulr_ge0 ?ler0n //; exact: steps_ge0 gs1.
rewrite -manyE; move: manyle; rewrite -manyE => manyle.
set third := (n * m)%:R * _.
have third0 : 0 <= third by rewrite mulr_ge0 ?ler0n //; apply: sumr_ge0 => k _; rewrite mulr_ge0 ?bin_mass_ge0 //; exact: (steps_ge0 k rho01 gs2).
have contra (c : N) (X : R) : 0 < toR c -> share < toR c * X -> X <= share / toR c -> false.
  by move=> c0 lt; rewrite ler_pdivlMr // mulrC => /(lt_le_trans lt); rewrite ltxx.
have ten : toR 10 = 10%:R by [].
case: (ltngtP kappa k0) => [lt|gt|eqk].
- have le : (kappa <= start_fewer x)%N by rewrite -ltnS; exact: leq_trans lt w2.
  exfalso; have h := scale_n _ _ (matched_dnP (ends_fewer x) le w1 gs1).
  have := seen _ (scaled 2 h); rewrite N.mul_assoc => /(_ lowA) q.
  by have := contra 2%bin _ _ q matchedle; rewrite toR_two ltr0n => /(_ isT).
- have k1N : (k0.+1 <= N'.+1)%N by [].
  case: (ltnP f f1) => [ff|ff].
    exfalso; have f10 : (f1 == 0%N) = false by apply/negbTE; rewrite -lt0n; exact: leq_ltn_trans ff.
    move: lowE; rewrite f10 /= => /andP[fitE lowE].
    have fits' : (f1.-1.+1 + terms x <= n.+1)%N by rewrite prednK // lt0n f10.
    have q := seen lowE (scaled 10 (many_dnP k1N up1 fits')).
    have le1 : above_chance k0.+1 f1.-1 <= above_chance kappa f1.-1.
      apply: binomial_above; [by case/andP: (fewer01 k1N)|exact: fewer_le|by case/andP: (fewer01 kN)].
    have le2 : above_chance kappa f1.-1 <= above_chance kappa f.
      by apply: above_less; [exact: fewer01|rewrite -ltnS prednK // lt0n f10].
    by have := contra 10%bin _ _ q (le_trans (le_trans le1 le2) manyle); rewrite ten ltr0n => /(_ isT).
  have few1 : 0 < fewer p1 kappa N' by apply: lt_le_trans few0 _; apply: fewer_le => //; exact: ltnW.
  have rho_le : rho <= p1.
    by have := le_trans mean (readers_le kappa N0); rewrite ler_pM2r // ler_pM2l.
  have gs3 := steps_weaken rho0' rho_le p11 ff gs2.
  have := seen lowF (scale_nm _ _ (aside_dnP (ends_next x) b10 ab1 w7 gs3)) => q; apply: lt_le_trans q _.
  apply: le_trans (_ : _ <= third / divisor kappa) _; last by rewrite lerDr addr_ge0 // many_pos.
  rewrite ler_pdivlMr // -[X in _ <= X]mulr1 ler_wpM2l //.
  rewrite /divisor; case: divided => //; rewrite lerBlDr lerDl; by case/andP: (fewer01 kN).
rewrite eqk in w0 mean manyle matchedle kN *.
have rho_le : rho <= rho0.
  have rd : 0 < toR (rho_up_den x) by have /and3P[_ /and5P[_ _ _ _ /and4P[_ /N.ltb_lt/(toR_lt R) q _ _]] _] := ok.
  have h1 : N'%:R * rho * fewer p1 k0 N' <= toR (readers_up bits N' a1 b1 k0) / toR S.
    by apply: le_trans mean _; rewrite ler_pdivlMr //; exact: readers_upP.
  have h2 : toR (readers_up bits N' a1 b1 k0) / toR S <= N'%:R * rho0 * fewer p1 k0 N'.
    rewrite ler_pdivrMr // -(ler_pM2r rd) -toRM; apply: le_trans (toR_le R hrho) _; rewrite !toRM toR_nat.
    rewrite (_ : N'%:R * rho0 * fewer p1 k0 N' * toR S * toR (rho_up_den x) = N'%:R * toR (rho_up_num x) * (fewer p1 k0 N' * toR S)).
      by rewrite ler_wpM2l ?mulr_ge0 ?ler0n ?toR_ge0 //; exact: (fewer_dnP (leqW k0N)).
    by rewrite /rho0; field; rewrite gt_eqF.
  by have := le_trans h1 h2; rewrite ler_pM2r // ler_pM2l.
have /andP[r00 r01] := rho_01.
have [rd0 rdl] : (0 <? rho_up_den x)%bin /\ (rho_up_num x <=? rho_up_den x)%bin.
  by have /and3P[_ /and5P[_ _ _ _ /and4P[_ q1 q2 _]] _] := ok.
have here := scale_n _ _ (matched_dnP (ends_here x) w4 w3 gs1).
case: (ltngtP f f0) => [ff|ff|eqf].
- exfalso; have f00 : (f0 == 0%N) = false by apply/negbTE; rewrite -lt0n; exact: leq_ltn_trans ff.
  move: lowB; rewrite f00 /= => /andP[fitB lowB].
  have fits' : (f0.-1.+1 + terms x <= n.+1)%N by rewrite prednK // lt0n f00.
  have q := seen lowB (scaled 10 (many_dnP (leqW k0N) up0 fits')).
  have le2 : above_chance k0 f0.-1 <= above_chance k0 f.
    by apply: above_less; [exact: fewer01|rewrite -ltnS prednK // lt0n f00].
  by have := contra 10%bin _ _ q (le_trans le2 manyle); rewrite ten ltr0n => /(_ isT).
- have gs3 := steps_weaken rho0' rho_le r01 ff gs2.
  have q := seen_parts lowD (leqW k0N) w0 third0 here (scale_nm _ _ (aside_dnP (ends_more x) rd0 rdl w6 gs3)).
  by apply: lt_le_trans q _; rewrite -addrA lerDr many_pos.
move: third0; rewrite /third {third}; rewrite eqf in gs2 *; have gs3 := steps_weaken rho0' rho_le r01 (leqnn f0) gs2 => third0.
exact: (seen_parts lowC (leqW k0N) w0 third0 (below_add (many_dnP (leqW k0N) up0 w8) here) (scale_nm _ _ (aside_dnP (ends_left x) rd0 rdl w5 gs3))).
Qed.
End Sound.
