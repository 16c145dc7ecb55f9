(* From an answer of `ertheory width --method drop`, any number of hidden layers, to a theorem about networks.           *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names hall factored_law factored_network dropped_copies masked_layer_0 conditioning.
From ERProofs Require Import rounding upward factored_certificate enclosures matched_certificate matched_minimal.
From ERProofs Require Import bernoulli block_construction theorem_2_2 exact_laws certificates masked_networks masked_laws.
From ERProofs Require Import dropped_deep.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

(* of (a, c, n): n neurons with a weights into them and c out of them *)
Definition kind := (N * positive * positive)%type.

Section Computation.
Local Open Scope N_scope.
(* sparsity ra / rb behind a layer, thresholds ct, kinds l of the neurons that are read in layer l + 1 *)
Variables (ra rb : nat -> N) (ct : nat -> positive) (kinds : nat -> seq kind) (num den bits : N).
(* the numbers of good copies in layer l + 1 that are looked at: k0 l, k0 l + 1, ..., len l of them *)
Variables (k0 len : nat -> nat) (D : nat).
Let S : N := 2 ^ bits.

Section Copies.
Variable cq : nat -> positive.
Definition source (l : nat) : positive := if l is 0%nat then cq 0%nat else ct l.
Definition raised (pow : positive -> N) (k : N) : N := if k is N.pos k' then pow k' else S.
Definition miss_up (l : nat) (k : positive) : N := rounding.pow_up S (cdiv (ra l * S) (rb l)) k.
Definition miss_dn (l : nat) (k : positive) : N := rounding.pow_dn S (ra l * S / rb l) k.
Definition good_dn (l : nat) (a : N) : N := raised (rounding.pow_dn S (S - miss_up l (source l))) a.
Definition good_up (l : nat) (a : N) : N := raised (rounding.pow_up S (S - miss_dn l (source l))) a.
Definition gain_dn (l : nat) (c : positive) (k : N) : N :=
  if (l == D)%nat then
    if k is N.pos k' then rounding.pow_dn S (S - miss_up l.+1 k') (c * cq l.+2) else 0
  else if N.pos (ct l.+1) <=? k then S else 0.
Definition gain_up (l : nat) (c : positive) (k : N) : N :=
  if (l == D)%nat then
    if k is N.pos k' then rounding.pow_up S (S - miss_dn l.+1 k') (c * cq l.+2) else 0
  else if N.pos (ct l.+1) <=? k then S else 0.
Definition fit (l : nat) : nat := minn (len l) ((Pos.to_nat (cq l.+1)).+1 - k0 l).
Definition listed (l : nat) : seq N := window (N.pos (cq l.+1)) (k0 l) (fit l).
Definition chance_dn (l : nat) (a : N) (c : positive) : N :=
  mean_dn bits (gain_dn l c) (good_dn l a, bits) (S - good_up l a, bits) (N.pos (cq l.+1)) (N.of_nat (k0 l)) (listed l).
Definition chance_up (l : nat) (a : N) (c : positive) : N :=
  mean_up bits (gain_up l c) (good_up l a, bits) (S - good_dn l a, bits) (N.pos (cq l.+1)) (N.of_nat (k0 l)) (listed l) +
  (S - mean_dn bits (fun=> S) (good_dn l a, bits) (S - good_up l a, bits) (N.pos (cq l.+1)) (N.of_nat (k0 l)) (listed l)).
Definition layer_dn (l : nat) : N :=
  foldr (fun (x : kind) y => rounding.pow_dn S (chance_dn l x.1.1 x.1.2) x.2 * y / S) S (kinds l).
Definition layer_up (l : nat) : N :=
  foldr (fun (x : kind) y => cdiv (rounding.pow_up S (chance_up l x.1.1 x.1.2) x.2 * y) S) S (kinds l).
Fixpoint law_dn (n : nat) : N := if n is l.+1 then law_dn l * layer_dn l / S else S.
Fixpoint law_up (n : nat) : N := if n is l.+1 then cdiv (law_up l * layer_up l) S else S.
Definition fits : bool :=
  all (fun l => [&& 0 <? rb l & ra l <=? rb l]) (iota 0 D.+2) &&
  all (fun l => k0 l <= (Pos.to_nat (cq l.+1)).+1)%nat (iota 0 D.+1).
Definition deep_ok : bool :=
  [&& 0 <? den, num <=? den, fits & (den - num) * S <=? law_dn D.+1 * den].
Definition deep_few : bool :=
  [&& 0 <? den, num <=? den, fits & law_up D.+1 * den <? (den - num) * S].
(* layer 0 matched, Hall's sum num0 / den0 at most *)
Definition deep_matched_ok (num0 den0 : N) : bool :=
  [&& num0 <=? den0, 0 <? den0, 0 <? den, num <=? den, fits &
    (den - num) * S * den0 <=? (den0 - num0) * law_dn D.+1 * den].
Definition deep_matched_few (num0 den0 : N) : bool :=
  [&& num0 <=? den0, 0 <? den0, 0 <? den, num <=? den, fits &
    (den0 - num0) * law_up D.+1 * den <? (den - num) * S * den0].
Definition deep_neurons_few (a0 b0 d N' : N) (ts : seq (N * N)) : bool :=
  let hall := hall_sum_dn bits (ratio bits 0 (b0 - a0) b0) (ratio bits 1 (b0 - a0) b0) (N.pred N') (N.pos (cq 0%nat)) 1
    (binomials d d 1 (size ts)) ts in
  [&& 0 <? b0, a0 <=? b0, 0 <? den, num <? den, N.of_nat (size ts) =? d, fits, hall <=? S &
    cdiv ((S - hall) * law_up D.+1) S * den <? (den - num) * S].
End Copies.
Definition deep_least (cq : nat -> positive) : bool :=
  all (fun i => Pos.eqb (cq i) 1 || deep_few (fewer i cq)) (iota 0 D.+2).
Definition deep_matched_least (num0 den0 : N) (cq : nat -> positive) : bool :=
  all (fun i => Pos.eqb (cq i) 1 || deep_matched_few (fewer i cq) num0 den0) (iota 0 D.+2).
End Computation.

Local Open Scope ring_scope.
Section Sound.
Variables (ra rb : nat -> N) (ct : nat -> positive) (kinds : nat -> seq kind) (num den bits : N).
Variables (k0 len : nat -> nat) (D : nat).
Local Notation L := D.+2.
Let S : N := (2 ^ bits)%bin.
Variables (R : realFieldType) (T : nat -> finType) (W : forall l, T l.+1 -> T l -> R).
Let r l : R := toR R (ra l) / toR R (rb l).
Let p l : R := 1 - r l.
Let t l := Pos.to_nat (ct l).
Let delta : R := toR R num / toR R den.
(* the weights into the neurons that are read and out of them, layer by layer and in some order *)
Definition kinds_of : Prop := forall l, (l < D.+1)%N ->
  perm_eq [seq (weights_in W u, weights_out W u) | u <- enum (T l.+1) & weights_out W u != 0%N]
    (flatten [seq nseq (Pos.to_nat x.2) (N.to_nat x.1.1, Pos.to_nat x.1.2) | x <- kinds l]).
Hypothesis of_kinds : kinds_of.

Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR R S. Proof. exact: (toR_lt R S0). Qed.

Lemma kinds_prod l (G : nat -> nat -> R) : (l < D.+1)%N ->
  \prod_(u : T l.+1 | weights_out W u != 0%N) G (weights_in W u) (weights_out W u) =
  \prod_(x <- kinds l) G (N.to_nat x.1.1) (Pos.to_nat x.1.2) ^+ Pos.to_nat x.2.
Proof.
move=> lD; transitivity (\prod_(c <- [seq (weights_in W u, weights_out W u) | u <- enum (T l.+1) & weights_out W u != 0%N]) G c.1 c.2).
  by rewrite big_map big_filter big_enum_cond; apply: eq_bigl => u; rewrite inE.
rewrite (perm_big _ (of_kinds lD)) /=; elim: (kinds l) => [|x s IH] /=; first by rewrite !big_nil.
by rewrite big_cat big_cons IH big_nseq iter_mulr_1.
Qed.

Let unit_pow (x : R) n : 0 <= x <= 1 -> 0 <= x ^+ n <= 1.
Proof. by case/andP=> x0 x1; rewrite exprn_ge0 ?exprn_ile1. Qed.
Let unit_compl (x : R) : 0 <= x <= 1 -> 0 <= 1 - x <= 1.
Proof. by case/andP=> x0 x1; rewrite subr_ge0 x1 lerBlDr lerDl. Qed.
Let ge0 (x : R) : 0 <= x <= 1 -> 0 <= x. Proof. by case/andP. Qed.
Let rest_dn (x : N) (X : R) : 0 <= X <= 1 -> above S x X -> below S (S - x)%bin (1 - X).
Proof.
move=> X01 h; case: (N.le_gt_cases x S) => [le|lt]; first exact: compl_dn.
by rewrite (_ : (S - x)%bin = 0%bin); [exact/(mulr_ge0 _ (ltW s0))/ge0/unit_compl|apply/N.sub_0_le/N.lt_le_incl].
Qed.
Let rest_up (x : N) (X : R) : 0 <= X <= 1 -> below S x X -> above S (S - x)%bin (1 - X).
Proof.
move=> /andP[_ X1] h; apply: compl_up => //; case: (N.le_gt_cases x S) => // /(toR_lt R) lt.
by have := lt_le_trans lt (le_trans h (ler_wpM2r (ltW s0) X1)); rewrite mul1r ltxx.
Qed.
Let under_of (x : N) (X : R) : below S x X -> under (x, bits) X.
Proof. by move=> h; rewrite /under /upward.value /= ler_pdivrMr. Qed.
Let bounds_of (x : N) (X : R) : above S x X -> bounds (x, bits) X.
Proof. by move=> h; rewrite /bounds /upward.value /= ler_pdivlMr. Qed.
Let one_up (X : R) : 0 <= X <= 1 -> above S S X.
Proof. by case/andP=> X0 X1; rewrite /above -[X in _ <= X]mul1r ler_wpM2r // ltW. Qed.
Let zero_dn (X : R) : 0 <= X <= 1 -> below S 0 X.
Proof. by case/andP=> X0 _; exact: (mulr_ge0 X0 (ltW s0)). Qed.

Lemma mass_total (x : R) n : \sum_(k < n.+1) bin_mass x n k = 1.
Proof.
have := @binomial_law R [finType of 'I_n] x (fun=> 1); rewrite card_ord Ex_cst => ->.
by apply: eq_bigr => k _; rewrite mulr1.
Qed.

Section Copies.
Variable cq : nat -> positive.
Let q l := Pos.to_nat (cq l).
Hypothesis ok : fits ra rb k0 D cq.

Let dens l : (l < L)%N -> (0 <? rb l)%bin /\ (ra l <=? rb l)%bin.
Proof. by move=> lL; have /andP[/allP all _] := ok; have := all l; rewrite mem_iota => /(_ lL)/andP. Qed.
Let r01 l : (l < L)%N -> 0 <= r l <= 1.
Proof. by move=> /dens[b0 ab]; exact: ratio01. Qed.
Let hit01 l n : (l < L)%N -> 0 <= 1 - r l ^+ n <= 1.
Proof. by move=> /r01 h; exact/unit_compl/unit_pow. Qed.
Let fits_in l : (l < D.+1)%N -> (k0 l + fit k0 len cq l <= (q l.+1).+1)%N.
Proof.
move=> lD; have /andP[_ /allP all] := ok; have := all l; rewrite mem_iota => /(_ lD) le.
rewrite -[X in (_ <= X)%N](subnKC le) leq_add2l; exact: geq_minr.
Qed.

Lemma miss_upP l k : (l < L)%N -> above S (miss_up ra rb bits l k) (r l ^+ Pos.to_nat k).
Proof.
move=> lL; have [/N.ltb_lt b0 _] := dens lL; apply: pow_upP => //; [exact/ge0/r01|exact: ratio_up].
Qed.
Lemma miss_dnP l k : (l < L)%N -> below S (miss_dn ra rb bits l k) (r l ^+ Pos.to_nat k).
Proof.
move=> lL; have [/N.ltb_lt b0 _] := dens lL; apply: pow_dnP => //; [exact/ge0/r01|exact: ratio_dn].
Qed.

Let sourceE l : sources q t l = Pos.to_nat (source ct cq l). Proof. by case: l. Qed.
Definition least l (a : N) : R := (1 - r l ^+ sources q t l) ^+ N.to_nat a.
Let least01 l a : (l < L)%N -> 0 <= least l a <= 1.
Proof. by move=> lL; exact/unit_pow/hit01. Qed.

Lemma good_dnP l a : (l < L)%N -> below S (good_dn ra rb ct bits cq l a) (least l a).
Proof.
move=> lL; rewrite /good_dn /least sourceE; case: a => [|a] /=; first by rewrite expr0 /below mul1r.
by apply: pow_dnP => //; [exact/ge0/hit01|apply: rest_dn; [exact/unit_pow/r01|exact: miss_upP]].
Qed.
Lemma good_upP l a : (l < L)%N -> above S (good_up ra rb ct bits cq l a) (least l a).
Proof.
move=> lL; rewrite /good_up /least sourceE; case: a => [|a] /=; first by rewrite expr0 /above mul1r.
by apply: pow_upP => //; [exact/ge0/hit01|apply: rest_up; [exact/unit_pow/r01|exact: miss_dnP]].
Qed.

Definition gain l (c k : nat) : R := if l == D then (1 - r l.+1 ^+ k) ^+ (c * q l.+2) else (t l.+1 <= k)%N%:R.
Let gain01 l c k : (l < D.+1)%N -> 0 <= gain l c k <= 1.
Proof. by move=> lD; rewrite /gain; case: ifP => _; [exact/unit_pow/hit01|rewrite ler0n lern1 leq_b1]. Qed.
Let thresholdE l (k : nat) : (N.pos (ct l) <=? N.of_nat k)%bin = (t l <= k)%N.
Proof. by rewrite (_ : N.pos (ct l) = N.of_nat (t l)) ?of_nat_leb // -[LHS]N2Nat.id. Qed.
Let one_dn : below S S (1 : R). Proof. by rewrite /below mul1r. Qed.
Let times_copies (c : positive) l : (Pos.to_nat c * q l = Pos.to_nat (c * cq l))%N. Proof. by rewrite Pos2Nat.inj_mul. Qed.

Lemma gain_dnP l c k : (l < D.+1)%N -> below S (gain_dn ra rb ct bits D cq l c (N.of_nat k)) (gain l (Pos.to_nat c) k).
Proof.
move=> lD; have g01 := gain01 (Pos.to_nat c) k lD; rewrite /gain_dn -[(2 ^ bits)%bin]/S; move: g01; rewrite /gain; case: ifP => _ g01.
  case E : (N.of_nat k) => [|k']; first exact: zero_dn.
  have -> : k = Pos.to_nat k' by rewrite -[k]Nat2N.id E.
  rewrite times_copies; apply: pow_dnP => //; first exact/ge0/hit01.
  by apply: rest_dn; [exact/unit_pow/r01|exact: miss_upP].
by rewrite thresholdE; case: ifP => [h|_]; [exact: one_dn|rewrite /below mulr0n mul0r].
Qed.
Lemma gain_upP l c k : (l < D.+1)%N -> above S (gain_up ra rb ct bits D cq l c (N.of_nat k)) (gain l (Pos.to_nat c) k).
Proof.
move=> lD; have g01 := gain01 (Pos.to_nat c) k lD; rewrite /gain_up -[(2 ^ bits)%bin]/S; move: g01; rewrite /gain; case: ifP => _ g01.
  case E : (N.of_nat k) => [|k'].
    have -> : k = 0%N by rewrite -[k]Nat2N.id E.
    by rewrite expr0 subrr times_copies -(prednK (introT ssrnat.ltP (Pos2Nat.is_pos _))) expr0n /above mul0r.
  have -> : k = Pos.to_nat k' by rewrite -[k]Nat2N.id E.
  rewrite times_copies; apply: pow_upP => //; first exact/ge0/hit01.
  by apply: rest_up; [exact/unit_pow/r01|exact: miss_dnP].
by rewrite thresholdE; case: ifP => [h|_]; [by rewrite /above mul1r|rewrite /above mulr0n mul0r].
Qed.

Definition chance l (a c : nat) : R := \sum_(k < (q l.+1).+1) bin_mass ((1 - r l ^+ sources q t l) ^+ a) (q l.+1) k * gain l c k.
Let same l : N.pos (cq l) = N.of_nat (q l). Proof. by rewrite -[LHS]N2Nat.id. Qed.

Lemma chance_dnP l a c : (l < D.+1)%N -> below S (chance_dn ra rb ct bits k0 len D cq l a c) (chance l (N.to_nat a) (Pos.to_nat c)).
Proof.
move=> lD; have lL := leqW lD; have G0 k := ge0 (gain01 (Pos.to_nat c) k lD); have l01 := least01 a lL.
rewrite /chance_dn /listed same (windowE (fits_in lD)).
apply: le_trans (_ : _ <= (\sum_(k0 l <= i < k0 l + fit k0 len cq l) bin_mass (least l a) (q l.+1) i * gain l (Pos.to_nat c) i) * toR R S) _; last first.
  by apply: ler_wpM2r; [exact: ltW|exact: (part_of l01 G0 (fits_in lD))].
have under_q := under_of (rest_dn l01 (good_upP a lL)).
exact: (mean_dnP l01 G0 (under_of (good_dnP a lL)) under_q (fun i => gain_dnP c i lD) (fits_in lD)).
Qed.

Lemma chance_upP l a c : (l < D.+1)%N -> above S (chance_up ra rb ct bits k0 len D cq l a c) (chance l (N.to_nat a) (Pos.to_nat c)).
Proof.
move=> lD; have lL := leqW lD; have G01 k := gain01 (Pos.to_nat c) k lD; have l01 := least01 a lL.
rewrite /chance_up /listed same (windowE (fits_in lD)) -[(2 ^ bits)%bin]/S; have fits' := fits_in lD.
move: fits'; set n := q l.+1; set w := fit k0 len cq l; set k := k0 l => fits'.
pose M i := bin_mass (least l a) n i; pose G i := gain l (Pos.to_nat c) i.
have M0 i : 0 <= M i by exact: (bin_mass_ge0 n l01).
have under_p := under_of (good_dnP a lL); have over_p := bounds_of (good_upP a lL).
have under_q := under_of (rest_dn l01 (good_upP a lL)); have over_q := bounds_of (rest_up l01 (good_dnP a lL)).
have inside := mean_upP l01 (fun k => ge0 (G01 k)) over_p over_q (fun i => gain_upP c i lD) fits'.
have all_of_it (i : nat) : below S S (1 : R) by exact: one_dn.
have covered := mean_dnP l01 (F := fun=> 1) (fun=> ler01) under_p under_q (Fd := fun=> S) all_of_it fits'.
set cov := mean_dn _ _ _ _ _ _ _ in covered *.
have total : \sum_(k < n.+1) M k = 1 by exact: mass_total.
have split (F : nat -> R) : \sum_(i < n.+1) M i * F i =
    \sum_(k <= i < k + w) M i * F i + (\sum_(0 <= i < k) M i * F i + \sum_(k + w <= i < n.+1) M i * F i).
  rewrite -(big_mkord xpredT (fun i => M i * F i)).
  rewrite (big_cat_nat _ _ _ (leq0n (k + w)) fits') (big_cat_nat _ _ _ (leq0n k) (leq_addr w k)) /=.
  by rewrite addrCA -addrA addrCA addrA.
have in01 : 0 <= \sum_(k <= i < k + w) M i * 1 <= 1.
  apply/andP; split; first by apply: sumr_ge0 => i _; rewrite mulr1.
  rewrite -[X in _ <= X]total [X in _ <= X](eq_bigr (fun k : 'I_n.+1 => M k * 1)) => [|i _]; last by rewrite mulr1.
  exact: (part_of l01 (F := fun=> 1) (fun=> ler01) fits').
have rest : \sum_(0 <= i < k) M i * G i + \sum_(k + w <= i < n.+1) M i * G i <= 1 - \sum_(k <= i < k + w) M i * 1.
  rewrite lerBrDl -[X in _ <= X]total [X in _ <= X](eq_bigr (fun k : 'I_n.+1 => M k * 1)) => [|i _]; last by rewrite mulr1.
  rewrite (split (fun=> 1)); apply: lerD; first exact: lexx.
  apply: lerD; apply: ler_sum => i _; apply: ler_wpM2l => //; by case/andP: (G01 i).
have -> : chance l (N.to_nat a) (Pos.to_nat c) = \sum_(i < n.+1) M i * G i by [].
rewrite (split G); apply: above_add; first exact: inside.
by apply: le_trans (rest_up in01 covered); rewrite ler_wpM2r // ltW.
Qed.

Lemma chance01 l a c : (l < D.+1)%N -> 0 <= chance l a c <= 1.
Proof.
move=> lD; have l01 : 0 <= (1 - r l ^+ sources q t l) ^+ a <= 1 by exact/unit_pow/hit01/leqW.
have M0 i := bin_mass_ge0 (q l.+1) l01 i; apply/andP; split; first by apply: sumr_ge0 => k _; rewrite mulr_ge0 // ge0 // gain01.
rewrite -(mass_total ((1 - r l ^+ sources q t l) ^+ a) (q l.+1)); apply: ler_sum => k _; rewrite -[X in _ <= X]mulr1 ler_wpM2l //.
by case/andP: (gain01 c k lD).
Qed.

Definition layer l : R := \prod_(x <- kinds l) chance l (N.to_nat x.1.1) (Pos.to_nat x.1.2) ^+ Pos.to_nat x.2.
Let layer0 l : (l < D.+1)%N -> 0 <= layer l.
Proof. by move=> lD; apply: prodr_ge0 => x _; exact/ge0/unit_pow/chance01. Qed.

Lemma layer_dnP l : (l < D.+1)%N -> below S (layer_dn ra rb ct kinds bits k0 len D cq l) (layer l).
Proof.
move=> lD; rewrite /layer_dn /layer; elim: (kinds l) => [|x s IH] /=; first by rewrite big_nil; exact: one_dn.
rewrite big_cons; apply: below_mul => //; first by exact/ge0/unit_pow/chance01.
  by apply: prodr_ge0 => y _; exact/ge0/unit_pow/chance01.
by apply: pow_dnP => //; [exact/ge0/chance01|exact: chance_dnP].
Qed.
Lemma layer_upP l : (l < D.+1)%N -> above S (layer_up ra rb ct kinds bits k0 len D cq l) (layer l).
Proof.
move=> lD; rewrite /layer_up /layer; elim: (kinds l) => [|x s IH] /=; first by rewrite big_nil /above mul1r.
rewrite big_cons; apply: above_mul => //; first by exact/ge0/unit_pow/chance01.
  by apply: prodr_ge0 => y _; exact/ge0/unit_pow/chance01.
by apply: pow_upP => //; [exact/ge0/chance01|exact: chance_upP].
Qed.

Lemma law_dnP n : (n <= D.+1)%N -> below S (law_dn ra rb ct kinds bits k0 len D cq n) (\prod_(l < n) layer l).
Proof.
elim: n => [_|n IH nD]; first by rewrite big_ord0; exact: one_dn.
rewrite big_ord_recr /=; apply: below_mul => //; [|exact: layer0|exact: (IH (ltnW nD))|exact: layer_dnP].
by apply: prodr_ge0 => l _; apply: layer0; exact: ltn_trans (ltn_ord l) nD.
Qed.
Lemma law_upP n : (n <= D.+1)%N -> above S (law_up ra rb ct kinds bits k0 len D cq n) (\prod_(l < n) layer l).
Proof.
elim: n => [_|n IH nD]; first by rewrite big_ord0 /above mul1r.
rewrite big_ord_recr /=; apply: above_mul => //; [|exact: layer0|exact: (IH (ltnW nD))|exact: layer_upP].
by apply: prodr_ge0 => l _; apply: layer0; exact: ltn_trans (ltn_ord l) nD.
Qed.

Lemma drop_lawE : drop_law W p q t D = \prod_(l < D.+1) layer l.
Proof.
apply: eq_bigr => l _; rewrite /layer -kinds_prod //; apply: eq_bigr => u _; apply: eq_bigr => k _.
by rewrite /gain /p !subKr.
Qed.
Lemma drop_law_ge0 : 0 <= drop_law W p q t D.
Proof. by rewrite drop_lawE; apply: prodr_ge0 => l _; exact: layer0. Qed.
End Copies.

Let deltaE : (0 <? den)%bin -> (num <=? den)%bin -> 1 - delta = toR R (den - num)%bin / toR R den.
Proof. exact: ratio_rest. Qed.

Theorem deep_enough cq : deep_ok ra rb ct kinds num den bits k0 len D cq ->
  1 - delta <= drop_law W p (fun l => Pos.to_nat (cq l)) t D.
Proof.
move=> /and4P[d0 nd ok /N.leb_le h]; have dp : 0 < toR R den by have /N.ltb_lt/(toR_lt R) := d0.
rewrite drop_lawE deltaE // ler_pdivrMr // -(ler_pM2r s0) -toRM; apply: le_trans (toR_le R h) _.
by rewrite toRM mulrAC ler_wpM2r ?toR_ge0 //; exact: law_dnP.
Qed.

Theorem deep_too_few cq : deep_few ra rb ct kinds num den bits k0 len D cq ->
  drop_law W p (fun l => Pos.to_nat (cq l)) t D < 1 - delta.
Proof.
move=> /and4P[d0 nd ok /N.ltb_lt h]; have dp : 0 < toR R den by have /N.ltb_lt/(toR_lt R) := d0.
rewrite drop_lawE deltaE // ltr_pdivlMr // -(ltr_pM2r s0) -[toR R (den - num) * _]toRM.
apply: le_lt_trans (toR_lt R h); rewrite toRM mulrAC ler_wpM2r ?toR_ge0 //; exact: law_upP.
Qed.

(* with one copy less of the neurons of any layer *)
Let fewerE i cq : (1 < Pos.to_nat (cq i))%N ->
  drop_law W p (fun l => Pos.to_nat (fewer i cq l)) t D = drop_law W p (one_less i (fun l => Pos.to_nat (cq l))) t D.
Proof.
move=> q1; have e k : Pos.to_nat (fewer i cq k) = one_less i (fun l => Pos.to_nat (cq l)) k.
  rewrite /fewer /one_less; case: eqP => // ->; rewrite Pos2Nat.inj_pred //.
  by apply/Pos2Nat.inj_lt/ssrnat.ltP.
have es l : sources (fun l => Pos.to_nat (fewer i cq l)) t l = sources (one_less i (fun l => Pos.to_nat (cq l))) t l.
  by case: l => //=.
by apply: eq_bigr => l _; apply: eq_bigr => u _; rewrite /drop_chance !e es.
Qed.

Theorem deep_minimal cq : deep_least ra rb ct kinds num den bits k0 len D cq ->
  forall i, (i < L)%N -> (1 < Pos.to_nat (cq i))%N ->
  drop_law W p (one_less i (fun l => Pos.to_nat (cq l))) t D < 1 - delta.
Proof.
move=> /allP h i iL q1; rewrite -fewerE //; have := h i; rewrite mem_iota iL => /(_ isT)/orP[/Pos.eqb_spec e|/deep_too_few //].
by rewrite e in q1.
Qed.

(* the same with num0 / den0 taken off, where layer 0 is matched *)
Theorem deep_matched_minimal num0 den0 cq : deep_matched_least ra rb ct kinds num den bits k0 len D num0 den0 cq ->
  forall i, (i < L)%N -> (1 < Pos.to_nat (cq i))%N ->
  (1 - toR R num0 / toR R den0) * drop_law W p (one_less i (fun l => Pos.to_nat (cq l))) t D < 1 - delta.
Proof.
move=> /allP h i iL q1; rewrite -fewerE //; have := h i; rewrite mem_iota iL => /(_ isT)/orP[/Pos.eqb_spec e|].
  by rewrite e in q1.
move=> /and5P[h0 d0 dd nd /andP[ok /N.ltb_lt lt]].
have dp : 0 < toR R den by have /N.ltb_lt/(toR_lt R) := dd.
have d0p : 0 < toR R den0 by have /N.ltb_lt/(toR_lt R) := d0.
have law := law_upP ok (leqnn D.+1); rewrite -drop_lawE // in law.
rewrite deltaE // ratio_rest // ltr_pdivlMr // -(ltr_pM2r d0p) -(ltr_pM2r s0).
move: law; set X := drop_law _ _ _ _ _; set u := law_up _ _ _ _ _ _ _ _ _ _ => law.
have -> : toR R (den0 - num0)%bin / toR R den0 * X * toR R den * toR R den0 * toR R S =
    toR R (den0 - num0)%bin * (X * toR R S) * toR R den by field; rewrite gt_eqF.
apply: (@le_lt_trans _ _ (toR R ((den0 - num0) * u * den)%bin)).
  by rewrite !toRM ler_wpM2r ?toR_ge0 // ler_wpM2l ?toR_ge0.
by apply: lt_le_trans (toR_lt R lt) _; rewrite !toRM le_eqVlt; apply/orP; left; apply/eqP; exact: mulrAC.
Qed.

Section Networks.
Variables (act : nat -> R -> R) (b : forall l, T l.+1 -> R) (lo : T 0%N -> R) (cq : nat -> positive).
Let q l := Pos.to_nat (cq l).
Let p' l : R := if (l < L)%N then p l else 0.
Let p'01 : fits ra rb k0 D cq -> forall l, 0 <= p' l <= 1.
Proof.
move=> /andP[/allP ok _] l; rewrite /p'; case: ifP => [lL|_]; last by rewrite lexx ler01.
by apply: unit_compl; have := ok l; rewrite mem_iota => /(_ lL)/andP[b0 ab]; exact: ratio01.
Qed.
Let p'E : drop_law W p' q t D = drop_law W p q t D.
Proof.
apply: eq_bigr => l _; apply: eq_bigr => u _; rewrite /drop_chance /p' ltnS (ltnW (ltn_ord l)) ltnS ltn_ord.
by [].
Qed.

Theorem deep_sound (rep : pred (mask T L q)) : deep_ok ra rb ct kinds num den bits k0 len D cq ->
  (forall w, represented act W b lo w -> rep w) -> 1 - delta <= Pr (density (q := q) p) rep.
Proof.
move=> enough repP; have /and4P[_ _ ok _] := enough; apply: le_trans (deep_enough enough) _; rewrite -p'E.
have -> : Pr (density (q := q) p) rep = Pr (density (q := q) p') rep.
  by apply: eq_bigr => w _; congr (_ * _); apply: eq_bigr => e _; rewrite /wt /density /p' ltn_ord.
exact: (drop_deep t (p'01 ok) repP).
Qed.

(* layer 0 masked and matched *)
Section Matched.
Variables (Z : finType) (p0 : R) (num0 den0 : N).
Hypotheses (z0 : Z) (u0 : 0 <= p0 <= 1).
Hypothesis hall : hall_failure (T 0%N) [finType of 'I_(q 0%N)] Z p0 <= toR R num0 / toR R den0.

Theorem deep_matched_sound (rep : pred (full_mask T D.+1 q Z)) :
  deep_matched_ok ra rb ct kinds num den bits k0 len D cq num0 den0 ->
  (forall w, represented_masked act W b lo w -> rep w) -> 1 - delta <= Pr (full_density p p0) rep.
Proof.
move=> /and5P[/N.leb_le h0 /N.ltb_lt d0 /N.ltb_lt dd nd /andP[ok /N.leb_le le]] repP.
have -> : Pr (full_density p p0) rep = Pr (full_density p' p0) rep.
  apply: eq_bigr => w _; congr (_ * _); apply: eq_bigr => -[e|e] _ //.
  by rewrite /wt /full_density /= /masked_networks.upper_density /p' ltn_ord.
apply: le_trans (matched_deep (p'01 ok) u0 repP (fun r => @kept_construction R T D act W b q lo r)).
have d1 : 0 < toR R den0 by exact: (toR_lt R d0).
have den1 : 0 < toR R den by exact: (toR_lt R dd).
have law : toR R (law_dn ra rb ct kinds bits k0 len D cq D.+1) / toR R S <= Pr (density (q := q) p') (@kept R T D W q).
  apply: le_trans (kept_law D W q t (p'01 ok)); rewrite p'E drop_lawE ler_pdivrMr //; exact: law_dnP.
apply: (@le_trans _ _ (toR R (den0 - num0)%bin / toR R den0 * (toR R (law_dn ra rb ct kinds bits k0 len D cq D.+1) / toR R S))).
  rewrite deltaE //; last exact/N.ltb_lt.
  rewrite mulf_div ler_pdivrMr // mulrAC ler_pdivlMr ?mulr_gt0 //.
  rewrite -!toRM; apply: toR_le; rewrite (_ : ((den - num) * (den0 * S) = (den - num) * S * den0)%bin); first exact: le.
  by rewrite N.mul_assoc; exact: N.mul_shuffle0.
apply: ler_pM => //; rewrite ?divr_ge0 ?toR_ge0 //.
have side : 1 - hall_failure (T 0%N) [finType of 'I_(q 0%N)] Z p0 <=
    Pr (fun _ : [finType of Z * T 0%N] => p0) (@matchable (T 0%N) [finType of 'I_(q 0%N)] Z) by exact: matchable_law.
apply: le_trans side.
by rewrite toR_sub // mulrBl divff ?gt_eqF // lerD2l lerN2.
Qed.
End Matched.
End Networks.

(* one neuron less in a matched layer 0: (1 - H) times the law is below 1 - delta *)
Theorem deep_neurons_fewP (a0 b0 d N' : N) ts cq (I K Z : finType) :
  #|I| = N.to_nat d -> #|K| = Pos.to_nat (cq 0%N) -> #|Z| = (N.to_nat N').-1 ->
  deep_neurons_few ra rb ct kinds num den bits k0 len D cq a0 b0 d N' ts ->
  (1 - hall_failure I K Z (toR R a0 / toR R b0)) * drop_law W p (fun l => Pos.to_nat (cq l)) t D < 1 - delta.
Proof.
move=> cI cK cZ /and5P[b1 ab d1 nd /and4P[/N.eqb_spec sz ok /N.leb_le hS /N.ltb_lt lt]].
have dp : 0 < toR R den by have /N.ltb_lt/(toR_lt R) := d1.
have p01 : 0 <= toR R a0 / toR R b0 <= 1 by exact: ratio01.
have := @hall_sum_dnP R bits (toR R a0 / toR R b0) _ _ #|I| #|Z| (Pos.to_nat (cq 0%N)) 0 ts p01 (rest_le R bits b1 ab) (rest_ge R bits b1 ab).
have -> : #|I| = size ts by rewrite cI -sz Nat2N.id.
have be := @binomialsE (size ts) 1 (size ts) (leqnn _); rewrite bin1 sz in be.
have q1 : N.of_nat (Pos.to_nat (cq 0%N)) = N.pos (cq 0%N) by rewrite -[RHS]N2Nat.id.
have z1 : N.of_nat #|Z| = N.pred N' by rewrite cZ Nat2N.inj_pred N2Nat.id.
rewrite add1n q1 z1 -[N.of_nat 1]/1%bin -be => hall.
have hE : hall_failure I K Z (toR R a0 / toR R b0) = \sum_(1 <= s < (size ts).+1) 'C(size ts, s)%:R * tail (toR R a0 / toR R b0) #|Z| (Pos.to_nat (cq 0%N) * s) s.
  by rewrite /hall_failure cI -sz Nat2N.id; apply: eq_bigr => s _; rewrite /few /tail cK.
rewrite -hE in hall; have left := compl_up hS hall; have law := law_upP ok (leqnn D.+1).
have law0 := drop_law_ge0 ok; rewrite -drop_lawE // in law.
rewrite deltaE //; last exact/N.leb_le/N.lt_le_incl/N.ltb_lt.
have goal : 0 < toR R (den - num)%bin / toR R den.
  have more : (0 < den - num)%bin by have /N.ltb_lt := nd; lia.
  by rewrite divr_gt0 //; exact: (toR_lt R more).
case: (ltrP (1 - hall_failure I K Z (toR R a0 / toR R b0)) 0) => [neg|pos].
  by apply: le_lt_trans goal; apply: mulr_le0_ge0 => //; exact: ltW.
have both := above_mul S0 pos law0 left law.
rewrite ltr_pdivlMr // -(ltr_pM2r s0) -[toR R (den - num) * _]toRM.
by apply: le_lt_trans (toR_lt R lt); rewrite toRM mulrAC ler_wpM2r ?toR_ge0.
Qed.
End Sound.
