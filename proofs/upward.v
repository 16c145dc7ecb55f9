(* Upper bounds that a computer can run: m / 2^e with a short m, rounded upwards after every operation.               *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli rounding.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

Section Upward.
Local Open Scope N_scope.

(* (m, e) stands for m / 2^e; at most 64 binary digits are kept *)
Definition up := (N * N)%type.
Definition shorten (x : up) : up :=
  let long := N.size x.1 - 64 in
  if (0 <? long) && (long <=? x.2) then (N.shiftr x.1 long + 1, x.2 - long) else x.
Definition up_nat (n : N) : up := shorten (n, 0).
Definition up_ratio (a b : N) : up := (cdiv (a * 2 ^ 64) b, 64).
Definition up_mul (x y : up) : up := shorten (x.1 * y.1, x.2 + y.2).
Definition up_add (x y : up) : up :=
  let e := N.max x.2 y.2 in shorten (N.shiftl x.1 (e - x.2) + N.shiftl y.1 (e - y.2), e).
Fixpoint up_pos (x : up) (n : positive) : up :=
  match n with
  | xH => x
  | xO k => let y := up_pos x k in up_mul y y
  | xI k => let y := up_pos x k in up_mul (up_mul y y) x
  end.
Definition up_pow (x : up) (n : N) : up := if n is Npos k then up_pos x k else (1, 0).
Definition up_le (x : up) (a b : N) : bool := x.1 * b <=? a * 2 ^ x.2.
End Upward.

Local Open Scope ring_scope.
Section Sound.
Variable R : realFieldType.
Local Notation toR := (toR R).
Definition value (x : up) : R := toR x.1 / toR (2 ^ x.2)%bin.
Definition bounds (x : up) (X : R) := X <= value x.

Let two (e : N) : 0 < toR (2 ^ e)%bin.
Proof. by have := toR_lt R (_ : 0 < 2 ^ e)%bin; apply; apply/N.neq_0_lt_0/N.pow_nonzero. Qed.

Let twoD e f : toR (2 ^ (e + f))%bin = toR (2 ^ e)%bin * toR (2 ^ f)%bin.
Proof. by rewrite N.pow_add_r toRM. Qed.

Lemma value_ge0 x : 0 <= value x.
Proof. by rewrite divr_ge0 ?toR_ge0 // ltW. Qed.

Lemma shorten_ge x : value x <= value (shorten x).
Proof.
rewrite /shorten; case: ifP => // /andP[_ /N.leb_le le]; set s := (_ - 64)%bin in le *.
rewrite /value /= ler_pdivrMr // mulrAC ler_pdivlMr //.
have -> : x.2 = (s + (x.2 - s))%bin by lia.
have -> : (s + (x.2 - s) - s)%bin = (x.2 - s)%bin by lia.
rewrite twoD mulrA; apply: ler_wpM2r; first exact/ltW/two.
rewrite -toRM; apply: toR_le; rewrite N.shiftr_div_pow2.
have p0 : (2 ^ s)%bin <> 0%bin by apply: N.pow_nonzero.
have := N.mul_succ_div_gt x.1 (2 ^ s) p0; lia.
Qed.

Lemma up_natP n : bounds (up_nat n) (N.to_nat n)%:R.
Proof. by apply: le_trans (shorten_ge _); rewrite /value /= [toR 1](_ : _ = 1) ?divr1. Qed.

Lemma up_ratioP a b : (0 < b)%bin -> bounds (up_ratio a b) (toR a / toR b).
Proof.
move=> b0; have bp : 0 < toR b by have := toR_lt R b0.
change (toR a / toR b <= toR (cdiv (a * 2 ^ 64)%bin b) / toR (2 ^ 64)%bin).
rewrite ler_pdivrMr // mulrAC ler_pdivlMr; last exact: two.
rewrite -!toRM; apply: toR_le; exact: cdiv_ge.
Qed.

Lemma up_mulP x y X Y : 0 <= X -> 0 <= Y -> bounds x X -> bounds y Y -> bounds (up_mul x y) (X * Y).
Proof.
move=> X0 Y0 hx hy; apply: le_trans (shorten_ge _); rewrite /value /= toRM twoD invfM mulrACA.
exact: ler_pM.
Qed.

Lemma up_addP x y X Y : bounds x X -> bounds y Y -> bounds (up_add x y) (X + Y).
Proof.
move=> hx hy; apply: le_trans (shorten_ge _); rewrite /value /=; set e := N.max _ _.
apply: le_trans (lerD hx hy) _; rewrite le_eqVlt; apply/orP; left; apply/eqP.
rewrite /value !N.shiftl_mul_pow2 -[toR (_ + _)%bin]/((N.to_nat _)%:R) N2Nat.inj_add natrD mulrDl -!/(toR _) !toRM.
have part (z : up) : (z.2 <= e)%bin -> toR z.1 / toR (2 ^ z.2)%bin = toR z.1 * toR (2 ^ (e - z.2))%bin / toR (2 ^ e)%bin.
  move=> le; have -> : toR (2 ^ e)%bin = toR (2 ^ z.2)%bin * toR (2 ^ (e - z.2))%bin.
    by rewrite -twoD; congr (toR (2 ^ _)%bin); lia.
  by field; rewrite !gt_eqF ?two.
by rewrite !part // /e; lia.
Qed.

Lemma up_posP x X n : 0 <= X -> bounds x X -> bounds (up_pos x n) (X ^+ Pos.to_nat n).
Proof.
move=> X0 hx; elim: n => [n IH|n IH|] //=.
  rewrite Pos2Nat.inj_xI -[(2 * _)%coq_nat]/(2 * Pos.to_nat n)%N mulnC exprSr exprM expr2.
  by apply: up_mulP => //; [exact/mulr_ge0/exprn_ge0/X0/exprn_ge0|apply: up_mulP => //; exact: exprn_ge0].
rewrite Pos2Nat.inj_xO -[(2 * _)%coq_nat]/(2 * Pos.to_nat n)%N mulnC exprM expr2.
by apply: up_mulP => //; exact: exprn_ge0.
Qed.

Lemma up_powP x X n : 0 <= X -> bounds x X -> bounds (up_pow x n) (X ^+ N.to_nat n).
Proof.
move=> X0 hx; case: n => [|n] /=; last exact: up_posP.
by rewrite /bounds /value /= divr1.
Qed.

Lemma up_leP x X a b : (0 < b)%bin -> bounds x X -> up_le x a b -> X <= toR a / toR b.
Proof.
move=> b0 hx /N.leb_le le; have bp : 0 < toR b by have := toR_lt R b0.
apply: le_trans hx _; rewrite /value ler_pdivrMr // mulrAC ler_pdivlMr // -!toRM.
exact: toR_le.
Qed.
End Sound.
