(* Checking numbers inside Coq: fixed-point powers over binary N with directed rounding, run by vm_compute. *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

Delimit Scope N_scope with bin.
Section Rounding.
Local Open Scope N_scope.
Definition cdiv (a b : N) : N := (a + b - 1) / b.
Fixpoint pow_dn (S x : N) (n : positive) : N :=
  match n with
  | xH => x
  | xO m => let y := pow_dn S x m in y * y / S
  | xI m => let y := pow_dn S x m in (y * y / S) * x / S
  end.
Fixpoint pow_up (S x : N) (n : positive) : N :=
  match n with
  | xH => x
  | xO m => let y := pow_up S x m in cdiv (y * y) S
  | xI m => let y := pow_up S x m in cdiv (cdiv (y * y) S * x) S
  end.
Lemma div_le a b : a / b * b <= a.
Proof. case: (N.eq_dec b 0) => [->|h]; first by rewrite N.mul_0_r; apply: N.le_0_l. by rewrite N.mul_comm; apply: N.mul_div_le. Qed.
Lemma cdiv_ge a b : 0 < b -> a <= cdiv a b * b.
Proof.
move=> b0; rewrite /cdiv N.mul_comm.
have := N.mul_succ_div_gt (a + b - 1) b ltac:(lia); rewrite N.mul_succ_r => h; lia.
Qed.
End Rounding.

Local Open Scope ring_scope.
Section Sound.
Variable R : realFieldType.
Definition toR (x : N) : R := (N.to_nat x)%:R.

Lemma toR_ge0 x : 0 <= toR x. Proof. exact: ler0n. Qed.
Lemma toRM x y : toR (x * y)%bin = toR x * toR y. Proof. by rewrite /toR N2Nat.inj_mul natrM. Qed.
Lemma toR_le x y : (x <= y)%bin -> toR x <= toR y.
Proof. by move=> h; rewrite /toR ler_nat; apply/ssrnat.leP; lia. Qed.
Lemma toR_lt x y : (x < y)%bin -> toR x < toR y.
Proof. by move=> h; rewrite /toR ltr_nat; apply/ssrnat.ltP; lia. Qed.
Lemma toR_sub x y : (y <= x)%bin -> toR (x - y)%bin = toR x - toR y.
Proof. by move=> h; rewrite /toR N2Nat.inj_sub natrB //; apply/ssrnat.leP; lia. Qed.
Lemma toRD x y : toR (x + y)%bin = toR x + toR y. Proof. by rewrite /toR N2Nat.inj_add natrD. Qed.

(* quotients as probabilities, and what is left of 1 *)
Lemma ratio01 x y : (0 <? y)%bin -> (x <=? y)%bin -> 0 <= toR x / toR y <= 1.
Proof.
move=> /N.ltb_lt/toR_lt y0 /N.leb_le/toR_le xy.
by rewrite divr_ge0 ?toR_ge0 //= ler_pdivrMr // mul1r.
Qed.
Lemma ratio_rest x y : (0 <? y)%bin -> (x <=? y)%bin -> 1 - toR x / toR y = toR (y - x)%bin / toR y.
Proof.
move=> /N.ltb_lt/toR_lt y0 /N.leb_le xy.
by rewrite toR_sub // mulrBl divff // gt_eqF.
Qed.

Variable S : N.
Hypothesis S0 : (0 < S)%bin.
Let s0 : 0 < toR S. Proof. by have := toR_lt S0. Qed.

Definition below (x : N) (X : R) := toR x <= X * toR S.
Definition above (x : N) (X : R) := X * toR S <= toR x.

Lemma below_mul x y X Y : 0 <= X -> 0 <= Y -> below x X -> below y Y -> below (x * y / S)%bin (X * Y).
Proof.
move=> X0 Y0 hx hy; rewrite /below -(ler_pM2r s0) -toRM.
apply: le_trans (toR_le (@div_le _ _)) _; rewrite toRM.
have -> : X * Y * toR S * toR S = (X * toR S) * (Y * toR S) by ring.
by rewrite ler_pM ?toR_ge0.
Qed.

Lemma above_mul x y X Y : 0 <= X -> 0 <= Y -> above x X -> above y Y -> above (cdiv (x * y) S) (X * Y).
Proof.
move=> X0 Y0 hx hy; rewrite /above -(ler_pM2r s0) -toRM.
apply: le_trans (toR_le (@cdiv_ge _ _ S0)); rewrite toRM.
have -> : X * Y * toR S * toR S = (X * toR S) * (Y * toR S) by ring.
by rewrite ler_pM ?mulr_ge0 ?toR_ge0.
Qed.

Lemma pow_dnP x X n : 0 <= X -> below x X -> below (pow_dn S x n) (X ^+ Pos.to_nat n).
Proof.
move=> X0 hx; elim: n => [n IH|n IH|] //=.
  rewrite Pos2Nat.inj_xI -[(2 * _)%coq_nat]/(2 * Pos.to_nat n)%N mulnC exprSr exprM expr2.
  by apply: below_mul => //; [exact/mulr_ge0/exprn_ge0/X0/exprn_ge0|apply: below_mul => //; exact: exprn_ge0].
rewrite Pos2Nat.inj_xO -[(2 * _)%coq_nat]/(2 * Pos.to_nat n)%N mulnC exprM expr2.
by apply: below_mul => //; exact: exprn_ge0.
Qed.

Lemma pow_upP x X n : 0 <= X -> above x X -> above (pow_up S x n) (X ^+ Pos.to_nat n).
Proof.
move=> X0 hx; elim: n => [n IH|n IH|] //=.
  rewrite Pos2Nat.inj_xI -[(2 * _)%coq_nat]/(2 * Pos.to_nat n)%N mulnC exprSr exprM expr2.
  by apply: above_mul => //; [apply: mulr_ge0; exact: exprn_ge0|apply: above_mul => //; exact: exprn_ge0].
rewrite Pos2Nat.inj_xO -[(2 * _)%coq_nat]/(2 * Pos.to_nat n)%N mulnC exprM expr2.
by apply: above_mul => //; exact: exprn_ge0.
Qed.

Lemma ratio_dn a b : (0 < b)%bin -> below (a * S / b)%bin (toR a / toR b).
Proof.
move=> b0; have b1 := toR_lt b0; rewrite -[toR 0]/0 in b1.
by rewrite /below mulrAC ler_pdivlMr // -!toRM; apply: toR_le; exact: (@div_le _ _).
Qed.
Lemma ratio_up a b : (0 < b)%bin -> above (cdiv (a * S) b) (toR a / toR b).
Proof.
move=> b0; have b1 := toR_lt b0; rewrite -[toR 0]/0 in b1.
by rewrite /above mulrAC ler_pdivrMr // -!toRM; apply: toR_le; exact: (@cdiv_ge _ _ b0).
Qed.

Lemma compl_dn x X : (x <= S)%bin -> above x X -> below (S - x)%bin (1 - X).
Proof. by move=> h ha; rewrite /below toR_sub // mulrBl mul1r lerD2l lerN2. Qed.
Lemma compl_up x X : (x <= S)%bin -> below x X -> above (S - x)%bin (1 - X).
Proof. by move=> h ha; rewrite /above toR_sub // mulrBl mul1r lerD2l lerN2. Qed.

End Sound.

Section Certificate.
Local Open Scope N_scope.
(* r = a/b is the sparsity, delta = num/den, M = m * (copies above), q the claimed smallest number of copies;
   bits: the precision. Checks (1 - r^q)^M >= 1 - delta and (1 - r^(q-1))^M < 1 - delta. *)
Definition enough (S a b num den : N) (M q : positive) : bool :=
  let x := pow_up S (cdiv (a * S) b) q in
  (x <=? S) && ((den - num) * S <=? pow_dn S (S - x) M * den).
Definition too_few (S a b num den : N) (M q : positive) : bool :=
  let x := pow_dn S (a * S / b) q in
  (x <=? S) && (pow_up S (S - x) M * den <? (den - num) * S).
Definition certificate (bits a b num den : N) (M q : positive) : bool :=
  let S := 2 ^ bits in
  [&& 0 <? b, 0 <? den, num <=? den, a <=? b, enough S a b num den M q & too_few S a b num den M (Pos.pred q)] && (1 <? q)%positive.
End Certificate.

Section CertificateSound.
Variable R : realFieldType.
Variables (bits a b num den : N) (M q : positive).
Let r : R := toR R a / toR R b.
Let delta : R := toR R num / toR R den.
Let success (k : nat) : R := (1 - r ^+ k) ^+ Pos.to_nat M.

Theorem certificateP : certificate bits a b num den M q ->
  forall k : nat, (1 - delta <= success k) = (Pos.to_nat q <= k)%N.
Proof.
case/andP=> /and5P[/N.ltb_lt b0 /N.ltb_lt den0 /N.leb_le nd /N.leb_le ab /andP[E F]] /Pos.ltb_lt q1.
have S0 : (0 < 2 ^ bits)%bin by have := N.pow_nonzero 2 bits; lia.
set S := (2 ^ bits)%bin in S0 E F.
have s0 : 0 < toR R S by have := toR_lt R S0.
have b1 : 0 < toR R b by have := toR_lt R b0.
have den1 : 0 < toR R den by have := toR_lt R den0.
have r0 : 0 <= r by rewrite divr_ge0 ?toR_ge0.
have r1 : r <= 1 by rewrite ler_pdivrMr // mul1r toR_le.
have rk k : 0 <= r ^+ k <= 1 by rewrite exprn_ge0 ?exprn_ile1.
have mono k l : (k <= l)%N -> success k <= success l.
  move=> kl; rewrite /success; apply: lerXn2r; rewrite ?nnegrE ?subr_ge0.
  - by case/andP: (rk k).
  - by case/andP: (rk l).
  by rewrite lerD2l lerN2 ler_wiXn2l.
have dE : 1 - delta = toR R (den - num) / toR R den.
  by rewrite toR_sub // mulrBl divff ?gt_eqF.
have good : 1 - delta <= success (Pos.to_nat q).
  case/andP: E => /N.leb_le xS /N.leb_le h.
  have up := pow_upP S0 q r0 (ratio_up R S a b0).
  have dn := pow_dnP S0 M _ (compl_dn xS up).
  have {}dn := dn ltac:(by rewrite subr_ge0; case/andP: (rk (Pos.to_nat q))).
  rewrite dE ler_pdivrMr // -(ler_pM2r s0) -toRM; apply: le_trans (toR_le R h) _.
  by rewrite toRM mulrAC ler_wpM2r ?toR_ge0.
have bad : success (Pos.to_nat q).-1 < 1 - delta.
  case/andP: F => /N.leb_le xS /N.ltb_lt h.
  have dn := pow_dnP S0 (Pos.pred q) r0 (ratio_dn R S a b0).
  have up := pow_upP S0 M _ (compl_up xS dn).
  have {}up := up ltac:(by rewrite subr_ge0; case/andP: (rk (Pos.to_nat (Pos.pred q)))).
  have -> : (Pos.to_nat q).-1 = Pos.to_nat (Pos.pred q) by rewrite Pos2Nat.inj_pred.
  rewrite dE ltr_pdivlMr // -(ltr_pM2r s0) -toRM; apply: le_lt_trans (toR_lt R h).
  by rewrite toRM mulrAC ler_wpM2r ?toR_ge0.
move=> k; apply/idP/idP => [h|/mono]; last exact: le_trans.
rewrite leqNgt; apply/negP => kq; have : (k <= (Pos.to_nat q).-1)%N by rewrite -ltnS prednK // (leq_trans _ kq).
by move=> /mono /(le_trans h)/le_lt_trans/(_ bad); rewrite ltxx.
Qed.
End CertificateSound.

(* 1,280 weights, delta = 1/2000, density 1/100: 1,469 copies, not 1,468 *)
Lemma c1469 : certificate 128 99 100 1 2000 1280 1469.
Proof. by vm_cast_no_check (erefl true). Qed.
Lemma c1470 : ~~ certificate 128 99 100 1 2000 1280 1470.
Proof. by vm_cast_no_check (erefl true). Qed.

Theorem fig2_99 (R : realFieldType) (k : nat) :
  (1 - 1 / 2000%:R <= (1 - (99%:R / 100%:R) ^+ k) ^+ 1280 :> R) = (1469 <= k)%N.
Proof.
have := certificateP R c1469 k.
rewrite /toR -[N.to_nat 99]/99%N -[N.to_nat 100]/100%N -[N.to_nat 1]/1%N.
have -> : N.to_nat 2000 = 2000%N by vm_compute.
have -> : Pos.to_nat 1280 = 1280%N by vm_compute.
by have -> : Pos.to_nat 1469 = 1469%N by vm_compute.
Qed.
