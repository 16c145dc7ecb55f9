(* From an answer of `ertheory width --method drop` (one hidden layer, dense layer 0) to a theorem about networks.     *)
From Coq Require Import NArith PArith.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction exact_laws dropped_copies rounding.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* what is lost: m weights behind the hidden layer, fan-ins of k at most, q0 copies of inputs, q1 of hidden neurons *)
Definition drop_loss (R : realFieldType) (p1 p2 : R) (k m q0 q1 : nat) : R :=
  m%:R * (1 - p2 * (1 - (1 - p1) ^+ q0) ^+ k) ^+ q1.

Section Bound.
Variables (R : realFieldType) (I J O K C : finType) (p1 p2 : R) (W1 : J -> I -> R) (W2 : O -> J -> R).
Hypotheses (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1).
Variables (k m : nat).
Hypothesis fan : forall j, (fan_in W1 j <= k)%N.
Hypothesis weights : #|[pred x : O * J | W2 x.1 x.2 != 0]| = m.

Lemma drop_loss_le : \sum_(x : O * J | W2 x.1 x.2 != 0) (1 - p2 * g K p1 W1 x.2) ^+ #|C| <= drop_loss p1 p2 k m #|K| #|C|.
Proof.
have /andP[p10 p11] := h1; have /andP[p20 p21] := h2.
have a0 : 0 <= (1 - p1) ^+ #|K| <= 1 by rewrite exprn_ge0 ?exprn_ile1 ?subr_ge0 // lerBlDr lerDl.
have b0 n : 0 <= (1 - (1 - p1) ^+ #|K|) ^+ n <= 1.
  by have /andP[x y] := a0; rewrite exprn_ge0 ?exprn_ile1 ?subr_ge0 // lerBlDr lerDl.
apply: (@le_trans _ _ (\sum_(x : O * J | W2 x.1 x.2 != 0) (1 - p2 * (1 - (1 - p1) ^+ #|K|) ^+ k) ^+ #|C|)); last first.
  by rewrite sumr_const /drop_loss -weights mulr_natl.
apply: ler_sum => x _; apply: lerXn2r; rewrite ?nnegrE ?subr_ge0.
- by have /andP[_ y] := b0 (fan_in W1 x.2); rewrite mulr_ile1 //; case/andP: (b0 (fan_in W1 x.2)).
- by have /andP[y z] := b0 k; rewrite mulr_ile1.
rewrite lerD2l lerN2 ler_wpM2l // /g; have /andP[x0 x1] := a0.
by apply: ler_wiXn2l; rewrite ?subr_ge0 // lerBlDr lerDl.
Qed.
End Bound.

(* so many copies of n neurons *)
Lemma copies_width (n w : N) (q : positive) : N.eqb (n * N.pos q)%bin w ->
  #|[finType of ordinal_finType (N.to_nat n) * ordinal_finType (Pos.to_nat q)]| = N.to_nat w.
Proof. by move=> /N.eqb_spec <-; rewrite card_prod !card_ord N2Nat.inj_mul. Qed.

Section Computation.
Variables (a1 b1 a2 b2 : N) (k m : positive) (num den bits : N).  (* densities a1/b1 and a2/b2, delta = num/den *)
Let S : N := (2 ^ bits)%bin.
Section Copies.
Variables q0 q1 : positive.
Definition good_dn : N := pow_dn S (S - pow_up S (cdiv ((b1 - a1) * S) b1) q0)%bin k.
Definition lost_up : N := (N.pos m * pow_up S (S - good_dn * a2 / b2)%bin q1)%bin.
Definition good_up : N := pow_up S (S - pow_dn S ((b1 - a1) * S / b1) q0)%bin k.
Definition lost_dn : N := (N.pos m * pow_dn S (S - cdiv (good_up * a2) b2)%bin q1)%bin.
Definition densities_ok : bool := [&& N.ltb 0 den, N.ltb 0 b1, N.leb a1 b1, N.ltb 0 b2 & N.leb a2 b2].
Definition dropped_ok : bool :=
  [&& densities_ok, N.leb (pow_up S (cdiv ((b1 - a1) * S) b1)%bin q0) S, N.leb (good_dn * a2 / b2)%bin S &
    N.leb (lost_up * den)%bin (num * S)%bin].
Definition dropped_few : bool :=
  [&& densities_ok, N.leb (pow_dn S ((b1 - a1) * S / b1)%bin q0) S, N.leb (cdiv (good_up * a2) b2)%bin S &
    N.ltb (num * S)%bin (lost_dn * den)%bin].
End Copies.

Variable R : realFieldType.
Let p1 : R := toR R a1 / toR R b1.
Let p2 : R := toR R a2 / toR R b2.
Let delta : R := toR R num / toR R den.
Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR R S. Proof. exact: (toR_lt R S0). Qed.
Let scale_dn x X (a b : N) : (0 <? b)%bin -> below S x X -> below S (x * a / b)%bin (toR R a / toR R b * X).
Proof.
move=> /N.ltb_lt b0 hx; have bp : 0 < toR R b by exact: (toR_lt R b0).
rewrite /below -(ler_pM2r bp) -toRM; apply: le_trans (toR_le R (@div_le _ _)) _.
rewrite toRM (_ : _ * toR R b = X * toR R S * toR R a); last by field; rewrite gt_eqF.
by rewrite ler_wpM2r ?toR_ge0.
Qed.
Let scale_up x X (a b : N) : (0 <? b)%bin -> above S x X -> above S (cdiv (x * a) b)%bin (toR R a / toR R b * X).
Proof.
move=> /N.ltb_lt b0 hx; have bp : 0 < toR R b by exact: (toR_lt R b0).
rewrite /above -(ler_pM2r bp) -toRM; apply: le_trans (toR_le R (@cdiv_ge _ _ b0)).
rewrite toRM (_ : _ * toR R b = X * toR R S * toR R a); last by field; rewrite gt_eqF.
by rewrite ler_wpM2r ?toR_ge0.
Qed.
Let unit_pow (x : R) n : 0 <= x <= 1 -> 0 <= x ^+ n <= 1.
Proof. by case/andP=> x0 x1; rewrite exprn_ge0 ?exprn_ile1. Qed.
Let unit_compl (x : R) : 0 <= x <= 1 -> 0 <= 1 - x <= 1.
Proof. by case/andP=> x0 x1; rewrite subr_ge0 x1 lerBlDr lerDl. Qed.
Let ge0 (x : R) : 0 <= x <= 1 -> 0 <= x. Proof. by case/andP. Qed.

Let unit_mul (x y : R) : 0 <= x <= 1 -> 0 <= y <= 1 -> 0 <= x * y <= 1.
Proof. by case/andP=> x0 x1 /andP[y0 y1]; rewrite mulr_ge0 // mulr_ile1. Qed.

Lemma dropped_okP q0 q1 : dropped_ok q0 q1 ->
  drop_loss p1 p2 (Pos.to_nat k) (Pos.to_nat m) (Pos.to_nat q0) (Pos.to_nat q1) <= delta.
Proof.
move=> /and4P[/and5P[/N.ltb_lt d0 b10 ab1 b20 ab2] /N.leb_le xS /N.leb_le yS /N.leb_le h].
have r1 := unit_compl (ratio01 R b10 ab1); have u2 := ratio01 R b20 ab2.
have hit := unit_compl (unit_pow (Pos.to_nat q0) r1).
have miss : above S (cdiv ((b1 - a1) * S) b1)%bin (1 - p1) by rewrite /p1 ratio_rest //; exact/ratio_up/N.ltb_lt.
have up := pow_upP S0 q0 (ge0 r1) miss.
have dn := pow_dnP S0 k (ge0 hit) (compl_dn xS up).
have r2 := unit_compl (unit_mul u2 (unit_pow (Pos.to_nat k) hit)).
have all := pow_upP S0 q1 (ge0 r2) (compl_up yS (scale_dn a2 b20 dn)).
have dp : 0 < toR R den by exact: (toR_lt R d0).
rewrite /drop_loss ler_pdivlMr // -(ler_pM2r s0) -[toR R num * _]toRM; apply: le_trans (toR_le R h).
have -> : (Pos.to_nat m)%:R = toR R (N.pos m) by [].
rewrite /lost_up !toRM mulrAC ler_wpM2r ?(ltW dp) // -mulrA ler_wpM2l ?toR_ge0 //.
Qed.

Lemma dropped_fewP q0 q1 : dropped_few q0 q1 ->
  delta < drop_loss p1 p2 (Pos.to_nat k) (Pos.to_nat m) (Pos.to_nat q0) (Pos.to_nat q1).
Proof.
move=> /and4P[/and5P[/N.ltb_lt d0 b10 ab1 b20 ab2] /N.leb_le xS /N.leb_le yS /N.ltb_lt h].
have r1 := unit_compl (ratio01 R b10 ab1); have u2 := ratio01 R b20 ab2.
have hit := unit_compl (unit_pow (Pos.to_nat q0) r1).
have miss : below S ((b1 - a1) * S / b1)%bin (1 - p1) by rewrite /p1 ratio_rest //; exact/ratio_dn/N.ltb_lt.
have dn := pow_dnP S0 q0 (ge0 r1) miss.
have up := pow_upP S0 k (ge0 hit) (compl_up xS dn).
have r2 := unit_compl (unit_mul u2 (unit_pow (Pos.to_nat k) hit)).
have all := pow_dnP S0 q1 (ge0 r2) (compl_dn yS (scale_up a2 b20 up)).
have dp : 0 < toR R den by exact: (toR_lt R d0).
rewrite /drop_loss ltr_pdivrMr // -(ltr_pM2r s0) -[toR R num * _]toRM; apply: lt_le_trans (toR_lt R h) _.
have -> : (Pos.to_nat m)%:R = toR R (N.pos m) by [].
rewrite /lost_dn !toRM [X in _ <= X]mulrAC ler_wpM2r ?(ltW dp) // -[X in _ <= X]mulrA ler_wpM2l ?toR_ge0 //.
Qed.

(* the answer: so many copies are enough, and one less of either is too few for the bound *)
Definition drop_certificate (q0 q1 : positive) : bool :=
  [&& dropped_ok q0 q1, Pos.eqb q0 1 || dropped_few (Pos.pred q0) q1 & Pos.eqb q1 1 || dropped_few q0 (Pos.pred q1)].
Variables q0 q1 : positive.
Hypothesis ok : drop_certificate q0 q1.
Let loss (q q' : nat) : R := drop_loss p1 p2 (Pos.to_nat k) (Pos.to_nat m) q q'.
Let predE (q : positive) : (1 < Pos.to_nat q)%N -> (Pos.to_nat q).-1 = Pos.to_nat (Pos.pred q).
Proof. by move=> h; rewrite Pos2Nat.inj_pred //; apply/Pos2Nat.inj_lt/ssrnat.ltP. Qed.

Theorem drop_minimal :
  ((1 < Pos.to_nat q0)%N -> delta < loss (Pos.to_nat q0).-1 (Pos.to_nat q1)) /\
  ((1 < Pos.to_nat q1)%N -> delta < loss (Pos.to_nat q0) (Pos.to_nat q1).-1).
Proof.
have /and3P[_ few0 few1] := ok; split=> q'.
  by case/orP: few0 => [/Pos.eqb_spec e|/dropped_fewP]; [rewrite e in q'|rewrite /loss predE].
by case/orP: few1 => [/Pos.eqb_spec e|/dropped_fewP]; [rewrite e in q'|rewrite /loss predE].
Qed.

Section Sound.
Variables (I J O : finType) (W1 : J -> I -> R) (W2 : O -> J -> R).
Hypothesis fan : forall j, (fan_in W1 j <= Pos.to_nat k)%N.
Hypothesis weights : #|[pred x : O * J | W2 x.1 x.2 != 0]| = Pos.to_nat m.
Local Notation K := (ordinal_finType (Pos.to_nat q0)).
Local Notation C := (ordinal_finType (Pos.to_nat q1)).

Lemma drop_bound_le : \sum_(x : O * J | W2 x.1 x.2 != 0) (1 - p2 * g K p1 W1 x.2) ^+ #|C| <= delta.
Proof.
have /and3P[enough _ _] := ok; have /and4P[/and5P[_ b10 ab1 b20 ab2] _ _ _] := enough.
apply: le_trans (drop_loss_le K C (ratio01 R b10 ab1) (ratio01 R b20 ab2) fan weights) _.
by rewrite !card_ord; exact: dropped_okP.
Qed.

Theorem drop_sound (act : R -> R) (c1 : J -> R) (c2 : O -> R) (lo : I -> R)
    (rep : pred {ffun [finType of (J * C) * (I * K) + O * (J * C)] -> bool}) :
  (forall w, represented2 W1 W2 act c1 c2 lo w -> rep w) -> 1 - delta <= Pr (dens p1 p2) rep.
Proof.
have /and3P[/and4P[/and5P[_ b10 ab1 b20 ab2] _ _ _] _ _] := ok => repP.
apply: le_trans (theoremI1 (ratio01 R b10 ab1) (ratio01 R b20 ab2) repP).
by rewrite lerD2l lerN2 drop_bound_le.
Qed.
End Sound.
End Computation.
