(* From an answer of `ertheory width --method exact`, layer 0 masked and preassigned, to a theorem about networks.      *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names factored_network dropped_copies masked_layer_0 rounding upward factored_certificate enclosures.
From ERProofs Require Import bernoulli block_construction theorem_2_2 exact_laws certificates masked_networks masked_laws.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

Definition later (X : Type) (f : nat -> X) (l : nat) : X := f l.+1.

Section Computation.
Local Open Scope N_scope.
(* as in `certificates`; layer 0 has density a0 / b0, and (c, n) in fans: so many inputs n have c weights behind them *)
Variables (cm : nat -> positive) (ra rb : nat -> N) (a0 b0 : N) (fans : seq (positive * positive)) (num den bits : N).
(* the numbers of living neurons that are looked at: k0, k0 + 1, ..., len of them *)
Variables (k0 len : nat).
Let S : N := 2 ^ bits.

Section Copies.
Variable cq : nat -> positive.
(* (1 - r^k)^(c q_1) *)
Definition served_dn (c : positive) (k : N) : N :=
  if k is N.pos k' then
    let x := rounding.pow_up S (cdiv (ra 0 * S) (rb 0)) k' in if x <=? S then rounding.pow_dn S (S - x) (c * cq 1) else 0
  else 0.
Definition served_up (c : positive) (k : N) : N :=
  if k is N.pos k' then
    let x := rounding.pow_dn S (ra 0 * S / rb 0) k' in if x <=? S then rounding.pow_up S (S - x) (c * cq 1) else S
  else S.
Let n : N := N.pos (cq 0%nat).
Let fit : nat := minn len ((Pos.to_nat (cq 0%nat)).+1 - k0).
Let at' : N := N.of_nat k0.
Definition input_dn (c : positive) : N :=
  mean_dn bits (served_dn c) (ratio bits 0 a0 b0) (ratio bits 0 (b0 - a0) b0) n at' (window n k0 fit).
Definition input_up (c : positive) : N :=
  mean_up bits (served_up c) (ratio bits 1 a0 b0) (ratio bits 1 (b0 - a0) b0) n at' (window n k0 fit) +
  (S - mean_dn bits (fun=> S) (ratio bits 0 a0 b0) (ratio bits 0 (b0 - a0) b0) n at' (window n k0 fit)).
Definition inputs_dn : N := foldr (fun x y => rounding.pow_dn S (input_dn x.1) x.2 * y / S) S fans.
Definition inputs_up : N := foldr (fun x y => cdiv (rounding.pow_up S (input_up x.1) x.2 * y) S) S fans.
Definition numbers_ok : bool :=
  [&& 0 <? den, num <=? den, 0 <? b0, a0 <=? b0, 0 <? rb 0%nat, ra 0%nat <=? rb 0%nat & (k0 <= (Pos.to_nat (cq 0%nat)).+1)%nat].
Definition preassigned_ok (D : nat) : bool :=
  [&& numbers_ok, sane (later cq) (later ra) (later rb) bits D &
    (den - num) * S <=? inputs_dn * certificates.plan_dn (later cq) (later cm) (later ra) (later rb) bits D / S * den].
Definition preassigned_few (D : nat) : bool :=
  [&& numbers_ok, sane_up (later ra) (later rb) bits (later cq) D &
    cdiv (inputs_up * certificates.plan_up (later cm) (later ra) (later rb) bits (later cq) D) S * den <? (den - num) * S].
End Copies.
Definition preassigned_least (cq : nat -> positive) (D : nat) : bool :=
  all (fun i => Pos.eqb (cq i) 1 || preassigned_few (fewer i cq) D) (iota 0 D.+1).
End Computation.

Local Open Scope ring_scope.
Section Sound.
Variables (cm : nat -> positive) (ra rb : nat -> N) (a0 b0 : N) (fans : seq (positive * positive)) (num den bits : N).
Variables (k0 len D : nat).
Local Notation L := D.+1.
Let S : N := (2 ^ bits)%bin.
Variables (R : realFieldType) (T : nat -> finType) (W : forall l, T l.+1 -> T l -> R).
Let r l : R := toR R (ra l) / toR R (rb l).
Let p0 : R := toR R a0 / toR R b0.
Let delta : R := toR R num / toR R den.
(* the numbers of weights behind the inputs, in some order *)
Definition fan_outs : Prop :=
  perm_eq [seq fan_out W i | i <- enum (T 0%N)] (flatten [seq nseq (Pos.to_nat x.2) (Pos.to_nat x.1) | x <- fans]).
Hypothesis fan : fan_outs.
Hypothesis weights : forall l : 'I_L, nonzeros W l = Pos.to_nat (cm l).

Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR R S. Proof. exact: (toR_lt R S0). Qed.

Lemma fans_prod (G : nat -> R) : \prod_(i : T 0%N) G (fan_out W i) = \prod_(x <- fans) G (Pos.to_nat x.1) ^+ Pos.to_nat x.2.
Proof.
transitivity (\prod_(c <- [seq fan_out W i | i <- enum (T 0%N)]) G c); first by rewrite big_map big_enum.
rewrite (perm_big _ fan) /=; elim: fans => [|x s IH] /=; first by rewrite !big_nil.
by rewrite big_cat big_cons IH big_nseq iter_mulr_1.
Qed.

Let unit_pow (x : R) n : 0 <= x <= 1 -> 0 <= x ^+ n <= 1.
Proof. by case/andP=> x0 x1; rewrite exprn_ge0 ?exprn_ile1. Qed.
Let unit_compl (x : R) : 0 <= x <= 1 -> 0 <= 1 - x <= 1.
Proof. by case/andP=> x0 x1; rewrite subr_ge0 x1 lerBlDr lerDl. Qed.
Let ge0 (x : R) : 0 <= x <= 1 -> 0 <= x. Proof. by case/andP. Qed.

Section Copies.
Variable cq : nat -> positive.
Let q l := Pos.to_nat (cq l).

Hypothesis ok : numbers_ok ra rb a0 b0 num den k0 cq.
Let p01 : 0 <= p0 <= 1. Proof. by have /and4P[_ _ b1 /and4P[ab _ _ _]] := ok; exact: ratio01. Qed.
Let r01 : 0 <= r 0%N <= 1. Proof. by have /and4P[_ _ _ /and4P[_ b1 ab _]] := ok; exact: ratio01. Qed.
Let fits : (k0 + minn len ((q 0%N).+1 - k0) <= (q 0%N).+1)%N.
Proof.
have /and4P[_ _ _ /and4P[_ _ _ le]] := ok; rewrite -[X in (_ <= X)%N](subnKC le) leq_add2l.
exact: geq_minr.
Qed.
Let keptP : 1 - p0 = toR R (b0 - a0)%bin / toR R b0.
Proof.
by have /and4P[_ _ b1 /and4P[ab _ _ _]] := ok; exact: ratio_rest.
Qed.

Definition served_chance (c k : nat) : R := (1 - r 0%N ^+ k) ^+ (c * q 1%N).
Let served01 c k : 0 <= served_chance c k <= 1. Proof. by apply/unit_pow/unit_compl/unit_pow. Qed.

Lemma served_dnP c k : below S (served_dn ra rb bits cq c (N.of_nat k)) (served_chance (Pos.to_nat c) k).
Proof.
have zero (X : R) : 0 <= X -> below S 0 X by move=> X0; exact: (mulr_ge0 X0 (ltW s0)).
rewrite /served_dn -[(2 ^ bits)%bin]/S; case E : (N.of_nat k) => [|k']; first by apply/zero/ge0/served01.
case: ifP => [/N.leb_le le|_]; last by apply/zero/ge0/served01.
have -> : k = Pos.to_nat k' by rewrite -[k]Nat2N.id E.
have /and4P[_ _ _ /and4P[_ /N.ltb_lt b1 ab _]] := ok.
rewrite /served_chance (_ : _ * q 1%N = Pos.to_nat (c * cq 1%N)%positive)%N; last by rewrite Pos2Nat.inj_mul.
apply: pow_dnP => //; first exact/ge0/unit_compl/unit_pow.
by apply: compl_dn => //; apply: pow_upP => //; [exact/ge0/r01|exact: ratio_up].
Qed.

Lemma served_upP c k : above S (served_up ra rb bits cq c (N.of_nat k)) (served_chance (Pos.to_nat c) k).
Proof.
have one (X : R) : 0 <= X <= 1 -> above S S X by case/andP=> X0 X1; rewrite /above -[X in _ <= X]mul1r ler_wpM2r // ltW.
rewrite /served_up -[(2 ^ bits)%bin]/S; case E : (N.of_nat k) => [|k']; first exact/one/served01.
case: ifP => [/N.leb_le le|_]; last exact/one/served01.
have -> : k = Pos.to_nat k' by rewrite -[k]Nat2N.id E.
have /and4P[_ _ _ /and4P[_ /N.ltb_lt b1 ab _]] := ok.
rewrite /served_chance (_ : _ * q 1%N = Pos.to_nat (c * cq 1%N)%positive)%N; last by rewrite Pos2Nat.inj_mul.
apply: pow_upP => //; first exact/ge0/unit_compl/unit_pow.
by apply: compl_up => //; apply: pow_dnP => //; [exact/ge0/r01|exact: ratio_dn].
Qed.

Definition input_chance (c : nat) : R := \sum_(k < (q 0%N).+1) bin_mass p0 (q 0%N) k * served_chance c k.

Let same : N.pos (cq 0%N) = N.of_nat (q 0%N). Proof. by rewrite -[LHS]N2Nat.id. Qed.

Lemma input_dnP c : below S (input_dn ra rb a0 b0 bits k0 len cq c) (input_chance (Pos.to_nat c)).
Proof.
have /and4P[_ _ /N.ltb_lt b1 _] := ok.
rewrite /input_dn same (windowE fits); apply: le_trans (_ : _ <= _) _; last first.
  by apply: ler_wpM2r; [exact: ltW|exact: (part_of p01 (fun k => ge0 (served01 (Pos.to_nat c) k)) fits)].
apply: (mean_dnP p01 (fun k => ge0 (served01 (Pos.to_nat c) k))) => //; first exact: ratio_le.
  by rewrite keptP; exact: ratio_le.
exact: served_dnP.
Qed.

Lemma mass_total n : \sum_(k < n.+1) bin_mass p0 n k = 1.
Proof.
have := @binomial_law R [finType of 'I_n] p0 (fun=> 1); rewrite card_ord Ex_cst => ->.
by apply: eq_bigr => k _; rewrite mulr1.
Qed.

Lemma input_upP c : above S (input_up ra rb a0 b0 bits k0 len cq c) (input_chance (Pos.to_nat c)).
Proof.
have /and4P[_ _ /N.ltb_lt b1 _] := ok; have fits' := fits; move: fits'; set n := q 0%N; set w := minn len (n.+1 - k0) => fits'.
rewrite /input_up same (windowE fits) -/n -/w.
pose M i := bin_mass p0 n i; pose G i := served_chance (Pos.to_nat c) i.
have M0 i : 0 <= M i by exact: (bin_mass_ge0 n p01).
have miss_dn : under (ratio bits 0 (b0 - a0) b0) (1 - p0) by rewrite keptP; exact: ratio_le.
have miss_up : bounds (ratio bits 1 (b0 - a0) b0) (1 - p0) by rewrite keptP; exact: ratio_ge.
have inside := mean_upP p01 (fun k => ge0 (served01 (Pos.to_nat c) k)) (ratio_ge R bits a0 b1) miss_up (served_upP c) fits'.
have all_of_it (i : nat) : below S S (1 : R) by rewrite /below mul1r.
have covered := mean_dnP p01 (F := fun=> 1) (fun=> ler01) (ratio_le R bits a0 b1) miss_dn (Fd := fun=> S) all_of_it fits'.
set cov := mean_dn _ _ _ _ _ _ _ in covered *.
have total : \sum_(k < n.+1) M k = 1 by exact: mass_total.
have split (F : nat -> R) : \sum_(i < n.+1) M i * F i =
    \sum_(k0 <= i < k0 + w) M i * F i + (\sum_(0 <= i < k0) M i * F i + \sum_(k0 + w <= i < n.+1) M i * F i).
  rewrite -(big_mkord xpredT (fun i => M i * F i)).
  rewrite (big_cat_nat _ _ _ (leq0n (k0 + w)) fits') (big_cat_nat _ _ _ (leq0n k0) (leq_addr w k0)) /=.
  by rewrite addrCA -addrA addrCA addrA.
have rest : \sum_(0 <= i < k0) M i * G i + \sum_(k0 + w <= i < n.+1) M i * G i <= 1 - \sum_(k0 <= i < k0 + w) M i * 1.
  rewrite lerBrDl -[X in _ <= X]total [X in _ <= X](eq_bigr (fun k : 'I_n.+1 => M k * 1)) => [|k _]; last by rewrite mulr1.
  rewrite (split (fun=> 1)); apply: lerD; first exact: lexx.
  apply: lerD; apply: ler_sum => i _; apply: ler_wpM2l => //;
    by case/andP: (served01 (Pos.to_nat c) i).
have law : input_chance (Pos.to_nat c) = \sum_(i < n.+1) M i * G i by [].
rewrite law (split G); apply: above_add; first exact: inside.
have le : (cov <= S)%bin.
  have le1 : toR R cov <= toR R S.
    apply: le_trans covered _; rewrite -[X in _ <= X]mul1r ler_wpM2r ?(ltW s0) // -[X in _ <= X]total.
    rewrite [X in _ <= X](eq_bigr (fun k : 'I_n.+1 => M k * 1)) => [|k _]; last by rewrite mulr1.
    exact: (part_of p01 (F := fun=> 1) (fun=> ler01) fits').
  by case: (N.le_gt_cases cov S) => // /(toR_lt R); rewrite ltNge le1.
have := @compl_up R S cov _ le covered; apply: le_trans; rewrite ler_wpM2r // ?(ltW s0) //.
Qed.

Lemma chance01 c : 0 <= input_chance c <= 1.
Proof.
have M0 i : 0 <= bin_mass p0 (q 0%N) i by exact: (bin_mass_ge0 _ p01).
apply/andP; split; first by apply: sumr_ge0 => k _; rewrite mulr_ge0 // ge0.
rewrite -(mass_total (q 0%N)); apply: ler_sum => k _; rewrite -[X in _ <= X]mulr1 ler_wpM2l //.
by case/andP: (served01 c k).
Qed.

Lemma inputs_dnP : below S (inputs_dn ra rb a0 b0 fans bits k0 len cq) (\prod_(x <- fans) input_chance (Pos.to_nat x.1) ^+ Pos.to_nat x.2).
Proof.
rewrite /inputs_dn; elim: fans => [|x s IH] /=; first by rewrite big_nil /below mul1r.
rewrite big_cons; apply: below_mul => //; first by exact/ge0/unit_pow/chance01.
  by apply: prodr_ge0 => y _; exact/ge0/unit_pow/chance01.
by apply: pow_dnP => //; [exact/ge0/chance01|exact: input_dnP].
Qed.

Lemma inputs_upP : above S (inputs_up ra rb a0 b0 fans bits k0 len cq) (\prod_(x <- fans) input_chance (Pos.to_nat x.1) ^+ Pos.to_nat x.2).
Proof.
rewrite /inputs_up; elim: fans => [|x s IH] /=; first by rewrite big_nil /above mul1r.
rewrite big_cons; apply: above_mul => //; first by exact/ge0/unit_pow/chance01.
  by apply: prodr_ge0 => y _; exact/ge0/unit_pow/chance01.
by apply: pow_upP => //; [exact/ge0/chance01|exact: input_upP].
Qed.

Lemma lawE : preassigned_law D W q (fun l => 1 - r l) p0 =
  (\prod_(x <- fans) input_chance (Pos.to_nat x.1) ^+ Pos.to_nat x.2) *
  success (later r) (later (fun l => Pos.to_nat (cm l))) (later q) D.
Proof.
rewrite /preassigned_law -fans_prod /success; congr (_ * _).
  by apply: eq_bigr => i _; apply: eq_bigr => k _; rewrite /served_chance subKr.
by apply: eq_bigr => l _; rewrite subKr (weights (lift ord0 l)).
Qed.
End Copies.

Let deltaE : (0 < den)%bin -> (num <= den)%bin -> 1 - delta = toR R (den - num)%bin / toR R den.
Proof. by move=> /(toR_lt R) dp nd; rewrite /delta toR_sub // mulrBl divff // gt_eqF. Qed.

Let later01 D' cq : sane (later cq) (later ra) (later rb) bits D' \/ sane_up (later ra) (later rb) bits (later cq) D' ->
  forall l, (l < D')%N -> 0 <= 1 - later r l ^+ Pos.to_nat (later cq l).
Proof.
move=> h l lD; suff /unit_pow/unit_compl/ge0 : 0 <= later r l <= 1 by [].
elim: D' h lD => // k IH h; rewrite ltnS leq_eqVlt => /predU1P[->|]; last by apply: IH; case: h => /and4P[_ _ _ ?]; [left|right].
by case: h => /and4P[_ b1 ab _]; exact: ratio01.
Qed.

Let all01 cq : numbers_ok ra rb a0 b0 num den k0 cq ->
  0 <= \prod_(x <- fans) input_chance cq (Pos.to_nat x.1) ^+ Pos.to_nat x.2.
Proof. by move=> ok; apply: prodr_ge0 => x _; exact/ge0/unit_pow/(chance01 ok). Qed.

Theorem preassigned_enough cq : preassigned_ok cm ra rb a0 b0 fans num den bits k0 len cq D ->
  1 - delta <= preassigned_law D W (fun l => Pos.to_nat (cq l)) (fun l => 1 - r l) p0.
Proof.
move=> /and3P[ok sn /N.leb_le h]; have /and3P[/N.ltb_lt d0 /N.leb_le nd _] := ok.
have dp : 0 < toR R den by exact: (toR_lt R d0).
rewrite lawE deltaE // ler_pdivrMr // -(ler_pM2r s0) -toRM; apply: le_trans (toR_le R h) _.
rewrite toRM mulrAC ler_wpM2r ?toR_ge0 //.
have law := plan_dnP (later cm) R sn.
apply: (below_mul S0 (all01 ok) _ (inputs_dnP ok) law).
by apply: prodr_ge0 => l _; rewrite exprn_ge0 // (later01 (or_introl sn)).
Qed.

Theorem preassigned_too_few cq : preassigned_few cm ra rb a0 b0 fans num den bits k0 len cq D ->
  preassigned_law D W (fun l => Pos.to_nat (cq l)) (fun l => 1 - r l) p0 < 1 - delta.
Proof.
move=> /and3P[ok sn /N.ltb_lt h]; have /and3P[/N.ltb_lt d0 /N.leb_le nd _] := ok.
have dp : 0 < toR R den by exact: (toR_lt R d0).
rewrite lawE deltaE // ltr_pdivlMr // -(ltr_pM2r s0) -[toR R (den - num) * _]toRM.
apply: le_lt_trans (toR_lt R h); rewrite toRM mulrAC ler_wpM2r ?toR_ge0 //.
have law := plan_upP (later cm) R sn.
apply: (above_mul S0 (all01 ok) _ (inputs_upP ok) law).
by apply: prodr_ge0 => l _; rewrite exprn_ge0 // (later01 (or_intror sn)).
Qed.

Theorem preassigned_minimal cq : preassigned_least cm ra rb a0 b0 fans num den bits k0 len cq D ->
  forall i, (i < L)%N -> (1 < Pos.to_nat (cq i))%N ->
  preassigned_law D W (one_less i (fun l => Pos.to_nat (cq l))) (fun l => 1 - r l) p0 < 1 - delta.
Proof.
move=> /allP h i iL q1; have := h i; rewrite mem_iota iL => /(_ isT)/orP[/Pos.eqb_spec e|/preassigned_too_few]; first by rewrite e in q1.
have e k : Pos.to_nat (fewer i cq k) = one_less i (fun l => Pos.to_nat (cq l)) k.
  rewrite /fewer /one_less; case: eqP => // ->; rewrite Pos2Nat.inj_pred //.
  by apply/Pos2Nat.inj_lt/ssrnat.ltP.
rewrite /preassigned_law !e; congr (_ * _ < _); last by apply: eq_bigr => l _; rewrite !e.
Qed.

Variables (act : nat -> R -> R) (b : forall l, T l.+1 -> R) (lo : T 0%N -> R) (cq : nat -> positive).
Theorem preassigned_sound (rep : pred (full_mask T D (fun l => Pos.to_nat (cq l)) [finType of T 0%N * 'I_(Pos.to_nat (cq 0%N))])) :
  preassigned_ok cm ra rb a0 b0 fans num den bits k0 len cq D ->
  (forall w, represented_masked act W b lo w -> rep w) -> 1 - delta <= Pr (full_density (fun l => 1 - r l) p0) rep.
Proof.
move=> enough repP; have /and3P[/and4P[_ _ b1 /and4P[ab rb0 rab _]] sn _] := enough.
pose p l : R := if (l < L)%N then 1 - r l else 0.
have p01 l : 0 <= p l <= 1.
  rewrite /p; case: ifP => [lL|_]; last by rewrite lexx ler01.
  apply: unit_compl; case: l lL => [|l] lL; first exact: ratio01.
  have {}lL : (l < D)%N by [].
  elim: (D) sn lL => // k IH /and4P[_ c1 ac sk]; rewrite ltnS leq_eqVlt => /predU1P[->|]; last exact: IH.
  exact: ratio01.
apply: le_trans (preassigned_enough enough) _.
have -> : Pr (full_density (fun l => 1 - r l) p0) rep = Pr (full_density p p0) rep.
  apply: eq_bigr => w _; congr (_ * _); apply: eq_bigr => -[e|e] _ //.
  by rewrite /wt /full_density /= /masked_networks.upper_density /p ltn_ord.
have -> : preassigned_law D W (fun l => Pos.to_nat (cq l)) (fun l => 1 - r l) p0 =
    preassigned_law D W (fun l => Pos.to_nat (cq l)) p p0.
  by rewrite /preassigned_law /p /=; congr (_ * _); apply: eq_bigr => l _; rewrite ltnS ltn_ord.
exact: (preassigned22 p01 (ratio01 R b1 ab) repP).
Qed.
End Sound.
