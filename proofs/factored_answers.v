(* An answer about factored sources, each map by the dual or the mixed theorem, read forwards or backwards, checked in Coq. *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli exact_laws rounding upward factored factored_law small_sets factored_mixed_law.
From ERProofs Require Import factored_network factored_certificate enclosures.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

(* how a map is checked: read backwards or not; inputs that fewer than `threshold` inner neurons read are set aside, and  *)
(* at most so many of them are; the density with which an inner neuron reads one of those, at least; and for both sums    *)
(* of Hall the columns where they are taken, with so many terms at either end. The dual sets nothing aside.               *)
Record plan := Plan {
  backwards : bool; threshold : nat; set_aside : nat; rho_num : N; rho_den : N;
  ends : nat; columns : seq nat; ends_aside : nat; columns_aside : seq nat }.

Section Computation.
Local Open Scope N_scope.
Variable bits : N.
Let S : N := 2 ^ bits.

(* n inputs, m outputs, N' inner neurons, densities a1 / b1 below and a2 / b2 above *)
Section Map.
Variables (n m N' : nat) (a1 b1 a2 b2 : N) (x : plan).
Let window0 := window (N.of_nat N') 0 (threshold x).
(* P(Bin(N', p1) < threshold), and the mean there *)
Definition few_up : N := mean_up bits (fun=> S) (ratio bits 1 a1 b1) (ratio bits 1 (b1 - a1) b1) (N.of_nat N') 0 window0.
Definition few_dn : N := mean_dn bits (fun=> S) (ratio bits 0 a1 b1) (ratio bits 0 (b1 - a1) b1) (N.of_nat N') 0 window0.
Definition readers_dn : N :=
  mean_dn bits (fun k => k * S) (ratio bits 0 a1 b1) (ratio bits 0 (b1 - a1) b1) (N.of_nat N') 0 window0.
(* P(more than so many inputs are set aside) *)
Definition many_up : up :=
  if (threshold x == 0)%nat then up_zero else
  foldr up_add up_zero (masses (few_up, bits) (S - few_dn, bits) (N.of_nat n) (N.of_nat (set_aside x).+1)
    (drop (set_aside x).+1 (binomials (N.of_nat n) 1 0 n.+1))).
Definition map_up : up :=
  up_add (up_add many_up (up_mul (up_nat (N.of_nat n)) (loss_up m N' a1 b1 a2 b2 (threshold x) (ends x) (columns x))))
    (up_mul (up_nat (N.of_nat n * N.of_nat m))
      (loss_up (set_aside x) N' (a2 * (b1 - a1)) (b2 * b1) (rho_num x) (rho_den x) 0 (ends_aside x) (columns_aside x))).
Definition map_ok : bool :=
  [&& [&& 0 <? b1, a1 <=? b1, 0 <? b2 & a2 <=? b2], (0 < N')%nat, (threshold x <= span 0 (columns x) <= N'.+1)%nat,
    (span 0 (columns_aside x) <= N'.+1)%nat, (set_aside x < n)%nat, 0 <? rho_den x, rho_num x <=? rho_den x &
    N.of_nat N' * rho_num x * few_up <=? readers_dn * rho_den x].
End Map.

(* all maps of a network, given by their numbers *)
Variables (d inner : nat -> nat) (a1 b1 a2 b2 : nat -> N) (x : nat -> plan).
Definition cols l := if backwards (x l) then d l.+1 else d l.
Definition rows l := if backwards (x l) then d l else d l.+1.
Definition of_cols (a a' : nat -> N) l := if backwards (x l) then a' l else a l.
Definition of_rows (a a' : nat -> N) l := if backwards (x l) then a l else a' l.
Definition applied T (F : nat -> nat -> nat -> N -> N -> N -> N -> plan -> T) l : T :=
  F (cols l) (rows l) (inner l) (of_cols a1 a2 l) (of_cols b1 b2 l) (of_rows a1 a2 l) (of_rows b1 b2 l) (x l).
Fixpoint plan_up (L : nat) : up := if L is l.+1 then up_add (plan_up l) (applied map_up l) else up_zero.
Fixpoint plan_sane (L : nat) : bool := if L is l.+1 then applied (fun n _ => map_ok n) l && plan_sane l else true.
Definition factored_ok (L : nat) (num den : N) : bool := [&& 0 <? den, plan_sane L & up_le (plan_up L) num den].
End Computation.

Local Open Scope ring_scope.
Section Sound.
Variables (R : realFieldType) (bits : N).
Local Notation toR := (toR R).
Let S : N := (2 ^ bits)%bin.
Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR S. Proof. exact: (toR_lt R S0). Qed.

Section OneMap.
Variables (n m N' : nat) (a1 b1 a2 b2 : N) (x : plan).
Hypothesis ok : map_ok bits n N' a1 b1 a2 b2 x.
Let p1 : R := toR a1 / toR b1.
Let p2 : R := toR a2 / toR b2.
Let rho : R := toR (rho_num x) / toR (rho_den x).
Let kappa := threshold x.
Let f := set_aside x.

Let parts : [/\ [&& 0 <? b1, a1 <=? b1, 0 <? b2 & a2 <=? b2]%bin, (0 < N')%N, (kappa <= span 0 (columns x) <= N'.+1)%N,
  (span 0 (columns_aside x) <= N'.+1)%N & [/\ (f < n)%N, (0 <? rho_den x)%bin, (rho_num x <=? rho_den x)%bin &
  (N.of_nat N' * rho_num x * few_up bits N' a1 b1 x <=? readers_dn bits N' a1 b1 x * rho_den x)%bin]].
Proof. by have /and5P[q1 q2 q3 q4 /and4P[q5 q6 q7 q8]] := ok; split. Qed.

Let dens : [/\ (0 <? b1)%bin, (a1 <=? b1)%bin, (0 <? b2)%bin & (a2 <=? b2)%bin].
Proof. by have [/and4P[]] := parts. Qed.
Lemma p1_01 : 0 <= p1 <= 1. Proof. by have [? ? _ _] := dens; exact: ratio01. Qed.
Lemma p2_01 : 0 <= p2 <= 1. Proof. by have [_ _ ? ?] := dens; exact: ratio01. Qed.
Lemma rho_01 : 0 <= rho <= 1. Proof. by have [_ _ _ _ [_ ? ? _]] := parts; exact: ratio01. Qed.
Lemma inner_gt0 : (0 < N')%N. Proof. by have [] := parts. Qed.
Lemma aside_lt : (f < n)%N. Proof. by have [_ _ _ _ []] := parts. Qed.
Lemma threshold_le : (kappa <= N'.+1)%N.
Proof. by have [_ _ /andP[le le'] _ _] := parts; exact: leq_trans le le'. Qed.

Let rest : 1 - p1 = toR (b1 - a1)%bin / toR b1.
Proof. by have [? ? _ _] := dens; exact: ratio_rest. Qed.
Let listed : window (N.of_nat N') 0 kappa = [seq N.of_nat 'C(N', i) | i <- iota 0 kappa].
Proof. by rewrite windowE // add0n threshold_le. Qed.
Let whole (F : nat -> R) : \sum_(0 <= i < 0 + kappa) bin_mass p1 N' i * F i = \sum_(i < kappa) bin_mass p1 N' i * F i.
Proof. by rewrite add0n big_mkord. Qed.
Let one : \sum_(i < kappa) bin_mass p1 N' i * 1 = fewer p1 kappa N'.
Proof. by apply: eq_bigr => i _; rewrite mulr1. Qed.
Let upper1 (i : nat) : above S S (1 : R). Proof. by rewrite /above mul1r. Qed.
Let lower1 (i : nat) : below S S (1 : R). Proof. by rewrite /below mul1r. Qed.
Let up_p1 : bounds (ratio bits 1 a1 b1) p1. Proof. by have [/N.ltb_lt b0 _ _ _] := dens; exact: ratio_ge. Qed.
Let up_q1 : bounds (ratio bits 1 (b1 - a1) b1) (1 - p1).
Proof. by have [? ? _ _] := dens; exact: rest_ge. Qed.
Let dn_p1 : under (ratio bits 0 a1 b1) p1. Proof. by have [/N.ltb_lt b0 _ _ _] := dens; exact: ratio_le. Qed.
Let dn_q1 : under (ratio bits 0 (b1 - a1) b1) (1 - p1).
Proof. by have [? ? _ _] := dens; exact: rest_le. Qed.

Lemma few_upP : above S (few_up bits N' a1 b1 x) (fewer p1 kappa N').
Proof.
have := mean_upP p1_01 (F := fun=> 1) (fun=> ler01) (Fu := fun=> S) up_p1 up_q1 upper1 (k := 0) (len := kappa) threshold_le.
by rewrite (whole (fun=> 1)) one /few_up -/kappa listed.
Qed.

Lemma few_dnP : below S (few_dn bits N' a1 b1 x) (fewer p1 kappa N').
Proof.
have := mean_dnP p1_01 (F := fun=> 1) (fun=> ler01) (Fd := fun=> S) dn_p1 dn_q1 lower1 (k := 0) (len := kappa) threshold_le.
by rewrite (whole (fun=> 1)) one /few_dn -/kappa listed.
Qed.

Lemma readers_dnP : N'%:R * rho * fewer p1 kappa N' <= \sum_(i < kappa) bin_mass p1 N' i * i%:R.
Proof.
have low (i : nat) : below S (N.of_nat i * S)%bin (i%:R : R) by rewrite /below toRM toR_nat.
have := mean_dnP p1_01 (F := fun i => i%:R) (fun i => ler0n R i) (Fd := fun k => (k * S)%bin) dn_p1 dn_q1 low (k := 0) (len := kappa) threshold_le.
rewrite whole -listed => mean; have [_ _ _ _ [_ /N.ltb_lt r0 _ /N.leb_le le]] := parts.
have rp : 0 < toR (rho_den x) by exact: (toR_lt R r0).
rewrite -(ler_pM2r s0) -(ler_pM2r rp); apply: le_trans (_ : toR (readers_dn bits N' a1 b1 x) * toR (rho_den x) <= _).
  rewrite -toRM; apply: le_trans (toR_le R le); rewrite !toRM toR_nat.
  rewrite (_ : _ * _ * _ * _ * _ = N'%:R * toR (rho_num x) * (fewer p1 kappa N' * toR S)); last first.
    by rewrite /rho; field; rewrite gt_eqF.
  by rewrite ler_wpM2l ?mulr_ge0 ?ler0n ?toR_ge0 //; exact: few_upP.
by rewrite ler_wpM2r // ltW.
Qed.

Let fewer01 : 0 <= fewer p1 kappa N' <= 1.
Proof.
rewrite fewer_ge0 ?p1_01 //= -(mass_sum N' p1) /fewer (big_ord_widen _ _ threshold_le) big_mkcond /=.
by apply: ler_sum => k _; case: ifP => // _; exact: (mass_ge0' _ p1_01).
Qed.

Let fold_upP (T : seq up) (F : nat -> R) k : (forall i, (i < size T)%N -> bounds (nth up_zero T i) (F (k + i)%N)) ->
  bounds (foldr up_add up_zero T) (\sum_(k <= i < k + size T) F i).
Proof.
elim: T k => [|t T IH] k hT; first by rewrite addn0 big_geq // /bounds value_zero.
rewrite big_ltn /= ?addnS ?ltnS ?leq_addr //; apply: up_addP; first by have := hT 0%N isT; rewrite addn0.
by rewrite -addSn; apply: IH => i lt; have := hT i.+1 lt; rewrite addnS addSn.
Qed.

Lemma many_upP : bounds (many_up bits n N' a1 b1 x) (\sum_(k < n.+1) bin_mass (fewer p1 kappa N') n k * (f < k)%N%:R).
Proof.
rewrite /many_up -/kappa; case: eqP => [k0|_].
  rewrite /fewer k0 big_ord0 /bounds value_zero big1 // => -[[|k] lt] _ /=; first by rewrite mulr0.
  by rewrite /bin_mass expr0n /= mulr0 !mul0r.
have hp : bounds (few_up bits N' a1 b1 x, bits) (fewer p1 kappa N').
  by rewrite /bounds /value /= ler_pdivlMr //; exact: few_upP.
have hq : bounds ((S - few_dn bits N' a1 b1 x)%bin, bits) (1 - fewer p1 kappa N').
  rewrite /bounds /value /= ler_pdivlMr // mulrBl mul1r lerBlDr.
  apply: le_trans (_ : toR (S - few_dn bits N' a1 b1 x)%bin + toR (few_dn bits N' a1 b1 x) <= _); last first.
    by rewrite lerD2l; exact: few_dnP.
  by rewrite -toRD; apply: toR_le; exact: N.sub_add_le.
have := @binomialsE n 0 n.+1 (leqnn _); rewrite bin0 -[N.of_nat 1]/1%bin -[N.of_nat 0]/0%bin => ->; rewrite -map_drop drop_iota add0n.
have fn : (f.+1 <= n.+1)%N by exact: (leqW aside_lt).
have fits : (f.+1 + (n.+1 - f.+1) <= n.+1)%N by rewrite subnKC.
set T := masses _ _ _ _ _; have sT : size T = (n.+1 - f.+1)%N by rewrite size_masses size_map size_iota.
have := @fold_upP T (bin_mass (fewer p1 kappa N') n) f.+1; rewrite sT => h.
have {}h := h (massesP fewer01 hp hq fits); apply: le_trans h.
rewrite subnKC // -(big_mkord xpredT (fun k => bin_mass (fewer p1 kappa N') n k * (f < k)%N%:R)).
rewrite (big_cat_nat _ _ _ (leq0n f.+1) fn) /= big_nat_cond big1 ?add0r => [|k /andP[/andP[_ kf] _]]; last first.
  by rewrite ltnNge -ltnS kf mulr0.
by rewrite le_eqVlt; apply/orP; left; apply/eqP; apply: eq_big_nat => k /andP[fk _]; rewrite fk mulr1.
Qed.

Definition level1 : nat -> R := level R m (up_ratio (b2 - a2) b2) (ends x) (columns x).
Definition level2 : nat -> R := level R f (up_ratio (rho_den x - rho_num x) (rho_den x)) (ends_aside x) (columns_aside x).

Lemma level1_steps : steps m p2 level1.
Proof. by have [h _ fs _ _] := parts; have [] := loss_upP R m (ends x) h fs. Qed.

Let joint_ok : [&& 0 <? b2 * b1, a2 * (b1 - a1) <=? b2 * b1, 0 <? rho_den x & rho_num x <=? rho_den x]%bin.
Proof.
have [/N.ltb_lt x1 /N.leb_le x2 /N.ltb_lt x3 /N.leb_le x4] := dens; have [_ _ _ _ [_ -> -> _]] := parts; rewrite !andbT.
apply/andP; split; first exact/N.ltb_lt/N.mul_pos_pos.
by apply/N.leb_le/N.mul_le_mono => //; exact: N.le_sub_l.
Qed.

Let joint_density : toR (a2 * (b1 - a1))%bin / toR (b2 * b1)%bin = p2 * (1 - p1).
Proof. by rewrite rest !toRM /p2 mulf_div. Qed.

Lemma level2_steps : steps f rho level2.
Proof. by have [_ _ _ fs _] := parts; have [] := loss_upP R f (ends_aside x) joint_ok (from := 0) fs. Qed.

Lemma map_upP : bounds (map_up bits n m N' a1 b1 a2 b2 x) (mixed_loss n m N' p1 p2 kappa f level1 level2).
Proof.
have mass0 (p : R) k : 0 <= p <= 1 -> 0 <= bin_mass p N' k by move=> h; exact: mass_ge0'.
have [h _ fs fs2 _] := parts; have [st1 le1] := loss_upP R m (ends x) h fs.
have [st2] := loss_upP R f (ends_aside x) joint_ok (from := 0) fs2; rewrite joint_density => le2.
have q01 : 0 <= p2 * (1 - p1) <= 1 by rewrite -joint_density; have /and4P[? ? _ _] := joint_ok; exact: ratio01.
apply: up_addP; first apply: up_addP; first exact: many_upP.
  apply: up_mulP; [exact: ler0n| |by apply: le_trans (up_natP R _); rewrite Nat2N.id|exact: le1].
  apply: sumr_ge0 => k _; rewrite mulr_ge0 ?mass0 ?p1_01 // mulr_ge0 ?ler0n //.
  exact: (steps_ge0 k p2_01 st1).
apply: up_mulP; [exact: ler0n| | |].
- apply: sumr_ge0 => k _; rewrite mulr_ge0 ?mass0 //; exact: (steps_ge0 k rho_01 st2).
- by apply: le_trans (up_natP R _); rewrite N2Nat.inj_mul !Nat2N.id.
by apply: le_trans le2; apply: ler_sum => k _; rewrite mul1r.
Qed.
End OneMap.

Section Network.
Variables (L : nat) (d inner : nat -> nat) (a1 b1 a2 b2 : nat -> N) (x : nat -> plan) (num den : N).
Variables (act : nat -> R -> R) (W : forall l, 'M[R]_(d l.+1, d l)) (b : forall l, 'cV[R]_(d l.+1)).
Hypothesis ok : factored_ok bits d inner a1 b1 a2 b2 x L num den.

Definition lower_density (l : nat) : R := toR (a1 l) / toR (b1 l).
Definition upper_density (l : nat) : R := toR (a2 l) / toR (b2 l).

Let sane l : (l < L)%N -> applied d inner a1 b1 a2 b2 x (fun n _ => map_ok bits n) l.
Proof.
have /and3P[_ + _] := ok; elim: (L) => // n IH /= /andP[here below]; rewrite ltnS leq_eqVlt => /predU1P[-> //|].
exact: IH.
Qed.

Definition loss (l : nat) : R :=
  mixed_loss (cols d x l) (rows d x l) (inner l) (toR (of_cols x a1 a2 l) / toR (of_cols x b1 b2 l))
    (toR (of_rows x a1 a2 l) / toR (of_rows x b1 b2 l)) (threshold (x l)) (set_aside (x l))
    (level1 (rows d x l) (of_rows x a1 a2 l) (of_rows x b1 b2 l) (x l)) (level2 (x l)).

Let lower01 l : (l < L)%N -> 0 <= lower_density l <= 1.
Proof.
move=> /sane; rewrite /applied /of_cols /of_rows /lower_density; case: (backwards (x l)) => h; [have := p2_01 h|have := p1_01 h]; exact.
Qed.
Let upper01 l : (l < L)%N -> 0 <= upper_density l <= 1.
Proof.
move=> /sane; rewrite /applied /of_cols /of_rows /upper_density; case: (backwards (x l)) => h; [have := p1_01 h|have := p2_01 h]; exact.
Qed.
Let inner0 l : (l < L)%N -> (0 < inner l)%N.
Proof. by move=> /sane/inner_gt0. Qed.
Let aside0 l : (l < L)%N -> (set_aside (x l) < if backwards (x l) then d l.+1 else d l)%N.
Proof. by move=> /sane/aside_lt. Qed.

Let rare l : (l < L)%N -> Pr (@two_masks R (d l) (d l.+1) (inner l) (lower_density l) (upper_density l))
  (@pair_bad (d l) (d l.+1) (inner l) (backwards (x l)) (threshold (x l)) (set_aside (x l))) <= loss l.
Proof.
move=> lL; have h := sane lL; rewrite /loss.
have := @pair_law R (d l) (d l.+1) (inner l) (lower_density l) (upper_density l) (backwards (x l)) (threshold (x l)) (set_aside (x l))
  (toR (rho_num (x l)) / toR (rho_den (x l)))
  (level1 (rows d x l) (of_rows x a1 a2 l) (of_rows x b1 b2 l) (x l)) (level2 (x l)) (lower01 lL) (upper01 lL) (rho_01 h) (inner0 lL)
  (threshold_le h).
have := readers_dnP h; have := level1_steps (rows d x l) h; have := level2_steps h.
rewrite /rows /cols /of_rows /of_cols /lower_density /upper_density.
by case: backwards => /= st2 st1 mean law; apply: law.
Qed.

Lemma plan_upP n : (n <= L)%N -> bounds (plan_up bits d inner a1 b1 a2 b2 x n) (\sum_(l < n) loss l).
Proof.
elim: n => [|n IH] nL; first by rewrite big_ord0 /bounds value_zero.
by rewrite big_ord_recr /=; apply: up_addP; [apply: IH; exact: ltnW|exact: (map_upP (rows d x n) (sane nL))].
Qed.

Lemma failure_le : failure L loss <= toR num / toR den.
Proof. by have /and3P[/N.ltb_lt den0 _ le] := ok; apply: (up_leP den0 _ le); exact: plan_upP. Qed.

Theorem factored_answer (rep : pred {ffun edge L d inner -> bool}) :
  (forall w, represented act W b w -> rep w) ->
  1 - toR num / toR den <= Pr (density lower_density upper_density) rep.
Proof.
move=> repP; apply: (@le_trans _ _ (1 - failure L loss)); first by rewrite lerD2l lerN2 failure_le.
exact: (factored_network lower01 upper01 inner0 aside0 rare repP).
Qed.

Theorem factored_answer_relu (M : R) (rep : pred {ffun edge L d inner -> bool}) :
  (forall l C, exists C', forall x, `|x| <= C -> `|act l x| <= C') ->
  (forall w, represented_relu act W b M w -> rep w) ->
  1 - toR num / toR den <= Pr (density lower_density upper_density) rep.
Proof.
move=> bounded repP; apply: (@le_trans _ _ (1 - failure L loss)); first by rewrite lerD2l lerN2 failure_le.
exact: (factored_network_relu lower01 upper01 inner0 aside0 rare bounded repP).
Qed.
End Network.
End Sound.
