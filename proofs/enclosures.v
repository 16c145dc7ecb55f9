(* Binomial means that a computer can enclose: numbers m / 2^e, cut to so many digits, and sums in fixed point.         *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli exact_laws rounding upward factored_certificate.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

Section Computation.
Local Open Scope N_scope.
Variable bits : N.
Let S : N := 2 ^ bits.

(* away is 0 to round down, 1 to round up *)
Definition cut (away : N) (x : up) : up :=
  let long := N.size x.1 - bits in
  if (0 <? long) && (long <=? x.2) then (N.shiftr x.1 long + away, x.2 - long) else x.
Definition times (away : N) (x y : up) : up := cut away (x.1 * y.1, x.2 + y.2).
Fixpoint power_pos (away : N) (x : up) (n : positive) : up :=
  match n with
  | xH => x
  | xO k => let y := power_pos away x k in times away y y
  | xI k => let y := power_pos away x k in times away (times away y y) x
  end.
Definition power (away : N) (x : up) (n : N) : up := if n is Npos k then power_pos away x k else (1, 0).
Definition ratio (away a b : N) : up := let e := bits + N.size b in (a * 2 ^ e / b + away, e).
(* C(n, k) p^k q^(n - k), with c = C(n, k) *)
Definition mass_at (away : N) (p q : up) (n k c : N) : up := times away (c, 0) (times away (power away p k) (power away q (n - k))).

Definition fixed_dn (x : up) : N := N.shiftr (N.shiftl x.1 bits) x.2.
Definition fixed_up (x : up) : N := fixed_dn x + 1.

(* sums over k, k + 1, ... of masses times F; cs are the binomial coefficients *)
Fixpoint mean_dn (F : N -> N) (p q : up) (n k : N) (cs : seq N) : N :=
  if cs is c :: cs' then fixed_dn (mass_at 0 p q n k c) * F k / S + mean_dn F p q n (k + 1) cs' else 0.
Fixpoint mean_up (F : N -> N) (p q : up) (n k : N) (cs : seq N) : N :=
  if cs is c :: cs' then cdiv (fixed_up (mass_at 1 p q n k c) * F k) S + mean_up F p q n (k + 1) cs' else 0.
(* so many from k0 on *)
Definition window (n : N) (k0 len : nat) : seq N := drop k0 (binomials n 1 0 (k0 + len)%nat).
End Computation.

Local Open Scope ring_scope.
Section Sound.
Variables (R : realFieldType) (bits : N).
Local Notation toR := (toR R).
Local Notation value := (value R).
Let S : N := (2 ^ bits)%bin.

Let two (e : N) : 0 < toR (2 ^ e)%bin.
Proof. by have := toR_lt R (_ : 0 < 2 ^ e)%bin; apply; apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let twoD e f : toR (2 ^ (e + f))%bin = toR (2 ^ e)%bin * toR (2 ^ f)%bin.
Proof. by rewrite N.pow_add_r toRM. Qed.
Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR S. Proof. exact: two. Qed.

Definition under (x : up) (X : R) := value x <= X.

Lemma cut_le x : value (cut bits 0 x) <= value x.
Proof.
rewrite /cut; case: ifP => // /andP[_ /N.leb_le le]; set s := (_ - bits)%bin in le *.
rewrite /upward.value /= N.add_0_r ler_pdivrMr // mulrAC ler_pdivlMr //.
have -> : (2 ^ x.2 = 2 ^ s * 2 ^ (x.2 - s))%bin by rewrite -N.pow_add_r; congr (2 ^ _)%bin; lia.
rewrite toRM mulrA; apply: ler_wpM2r; first exact/ltW/two.
by rewrite -toRM; apply: toR_le; rewrite N.shiftr_div_pow2; exact: (@div_le _ _).
Qed.

Lemma cut_ge x : value x <= value (cut bits 1 x).
Proof.
rewrite /cut; case: ifP => // /andP[_ /N.leb_le le]; set s := (_ - bits)%bin in le *.
rewrite /upward.value /= ler_pdivrMr // mulrAC ler_pdivlMr //.
have -> : (2 ^ x.2 = 2 ^ s * 2 ^ (x.2 - s))%bin by rewrite -N.pow_add_r; congr (2 ^ _)%bin; lia.
rewrite toRM mulrA; apply: ler_wpM2r; first exact/ltW/two.
rewrite -toRM; apply: toR_le; rewrite N.shiftr_div_pow2.
have p0 : (2 ^ s)%bin <> 0%bin by apply: N.pow_nonzero.
have := N.mul_succ_div_gt x.1 (2 ^ s) p0; lia.
Qed.

Lemma times_le x y (X Y : R) : 0 <= X -> under x X -> under y Y -> under (times bits 0 x y) (X * Y).
Proof.
move=> X0 hx hy; apply: le_trans (cut_le _) _; rewrite /upward.value /= toRM twoD invfM mulrACA.
by apply: ler_pM => //; exact: value_ge0.
Qed.

Lemma times_ge x y (X Y : R) : 0 <= X -> 0 <= Y -> bounds x X -> bounds y Y -> bounds (times bits 1 x y) (X * Y).
Proof.
move=> X0 Y0 hx hy; apply: le_trans (cut_ge _); rewrite /upward.value /= toRM twoD invfM mulrACA.
exact: ler_pM.
Qed.

Lemma power_le x (X : R) n : 0 <= X -> under x X -> under (power bits 0 x n) (X ^+ N.to_nat n).
Proof.
move=> X0 hx; case: n => [|n] /=; first by rewrite /under /upward.value /= divr1.
elim: n => [n IH|n IH|] //=.
  rewrite Pos2Nat.inj_xI -[(2 * _)%coq_nat]/(2 * Pos.to_nat n)%N mulnC exprSr exprM expr2.
  by apply: times_le => //; [exact/mulr_ge0/exprn_ge0/X0/exprn_ge0|apply: times_le => //; exact: exprn_ge0].
rewrite Pos2Nat.inj_xO -[(2 * _)%coq_nat]/(2 * Pos.to_nat n)%N mulnC exprM expr2.
by apply: times_le => //; exact: exprn_ge0.
Qed.

Lemma power_ge x (X : R) n : 0 <= X -> bounds x X -> bounds (power bits 1 x n) (X ^+ N.to_nat n).
Proof.
move=> X0 hx; case: n => [|n] /=; first by rewrite /bounds /upward.value /= divr1.
elim: n => [n IH|n IH|] //=.
  rewrite Pos2Nat.inj_xI -[(2 * _)%coq_nat]/(2 * Pos.to_nat n)%N mulnC exprSr exprM expr2.
  by apply: times_ge => //; [exact/mulr_ge0/exprn_ge0/X0/exprn_ge0|apply: times_ge => //; exact: exprn_ge0].
rewrite Pos2Nat.inj_xO -[(2 * _)%coq_nat]/(2 * Pos.to_nat n)%N mulnC exprM expr2.
by apply: times_ge => //; exact: exprn_ge0.
Qed.

Lemma ratio_le a b : (0 < b)%bin -> under (ratio bits 0 a b) (toR a / toR b).
Proof.
move=> b0; have bp : 0 < toR b by have := toR_lt R b0.
rewrite /under /upward.value /= N.add_0_r ler_pdivrMr // mulrAC ler_pdivlMr // -!toRM.
by apply: toR_le; exact: (@div_le _ _).
Qed.

Lemma ratio_ge a b : (0 < b)%bin -> bounds (ratio bits 1 a b) (toR a / toR b).
Proof.
move=> b0; have bp : 0 < toR b by have := toR_lt R b0.
rewrite /bounds /upward.value /= ler_pdivrMr // mulrAC ler_pdivlMr // -!toRM.
apply: toR_le; have := N.mul_succ_div_gt (a * 2 ^ (bits + N.size b)) b ltac:(lia); lia.
Qed.

Lemma rest_le a b : (0 <? b)%bin -> (a <=? b)%bin -> under (ratio bits 0 (b - a) b) (1 - toR a / toR b).
Proof. by move=> b0 ab; rewrite ratio_rest //; exact/ratio_le/N.ltb_lt. Qed.
Lemma rest_ge a b : (0 <? b)%bin -> (a <=? b)%bin -> bounds (ratio bits 1 (b - a) b) (1 - toR a / toR b).
Proof. by move=> b0 ab; rewrite ratio_rest //; exact/ratio_ge/N.ltb_lt. Qed.

Lemma fixed_dnP x (X : R) : under x X -> below S (fixed_dn bits x) X.
Proof.
move=> hx; apply: le_trans (_ : value x * toR S <= _); last by rewrite ler_pM2r.
rewrite /fixed_dn /upward.value N.shiftr_div_pow2 N.shiftl_mul_pow2 mulrAC ler_pdivlMr // -!toRM.
by apply: toR_le; exact: (@div_le _ _).
Qed.

Lemma fixed_upP x (X : R) : bounds x X -> above S (fixed_up bits x) X.
Proof.
move=> hx; apply: le_trans (_ : value x * toR S <= _); first by rewrite ler_pM2r.
rewrite /fixed_up /fixed_dn /upward.value N.shiftr_div_pow2 N.shiftl_mul_pow2 mulrAC ler_pdivrMr // -!toRM.
have p0 : (2 ^ x.2)%bin <> 0%bin by apply: N.pow_nonzero.
by apply: toR_le; have := N.mul_succ_div_gt (x.1 * 2 ^ bits) (2 ^ x.2) p0; rewrite -/S; lia.
Qed.

Lemma below_add x y (X Y : R) : below S x X -> below S y Y -> below S (x + y)%bin (X + Y).
Proof. by move=> hx hy; rewrite /below toRD mulrDl lerD. Qed.
Lemma above_add x y (X Y : R) : above S x X -> above S y Y -> above S (x + y)%bin (X + Y).
Proof. by move=> hx hy; rewrite /above toRD mulrDl lerD. Qed.

Section Means.
Variables (p0 : R) (p q : up) (n : nat) (F : nat -> R).
Hypothesis h0 : 0 <= p0 <= 1.
Hypothesis F0 : forall k, 0 <= F k.
Let q0 : 0 <= 1 - p0. Proof. by rewrite subr_ge0; case/andP: h0. Qed.
Let p00 : 0 <= p0. Proof. by case/andP: h0. Qed.
Let list k len := [seq N.of_nat 'C(n, i) | i <- iota k len].

Lemma bin_mass_ge0 k : 0 <= bin_mass p0 n k.
Proof. by rewrite /bin_mass !mulr_ge0 ?ler0n ?exprn_ge0. Qed.

Lemma mean_dnP (Fd : N -> N) k len : under p p0 -> under q (1 - p0) -> (forall i, below S (Fd (N.of_nat i)) (F i)) ->
  (k + len <= n.+1)%N -> below S (mean_dn bits Fd p q (N.of_nat n) (N.of_nat k) (list k len))
    (\sum_(k <= i < k + len) bin_mass p0 n i * F i).
Proof.
move=> hp hq hF; elim: len k => [|len IH] k le; first by rewrite addn0 big_geq // /below mul0r.
rewrite big_ltn ?addnS ?ltnS ?leq_addr // /list /= -/S.
have -> : (N.of_nat k + 1)%bin = N.of_nat k.+1 by lia.
apply: below_add; last by rewrite -addSn; apply: IH; rewrite addSnnS.
apply: below_mul => //; first exact: bin_mass_ge0.
apply: fixed_dnP; rewrite /bin_mass -mulrA; apply: times_le; first exact: ler0n.
  by rewrite /under /upward.value /= divr1 toR_nat.
apply: times_le; first exact: exprn_ge0.
  by have := power_le (N.of_nat k) p00 hp; rewrite Nat2N.id.
by have := power_le (N.of_nat n - N.of_nat k)%bin q0 hq; rewrite N2Nat.inj_sub !Nat2N.id.
Qed.

Lemma mean_upP (Fu : N -> N) k len : bounds p p0 -> bounds q (1 - p0) -> (forall i, above S (Fu (N.of_nat i)) (F i)) ->
  (k + len <= n.+1)%N -> above S (mean_up bits Fu p q (N.of_nat n) (N.of_nat k) (list k len))
    (\sum_(k <= i < k + len) bin_mass p0 n i * F i).
Proof.
move=> hp hq hF; elim: len k => [|len IH] k le; first by rewrite addn0 big_geq // /above mul0r.
rewrite big_ltn ?addnS ?ltnS ?leq_addr // /list /= -/S.
have -> : (N.of_nat k + 1)%bin = N.of_nat k.+1 by lia.
apply: above_add; last by rewrite -addSn; apply: IH; rewrite addSnnS.
apply: above_mul => //; first exact: bin_mass_ge0.
apply: fixed_upP; rewrite /bin_mass -mulrA; apply: times_ge; rewrite ?ler0n ?mulr_ge0 ?exprn_ge0 //.
  by rewrite /bounds /upward.value /= divr1 toR_nat.
apply: times_ge; rewrite ?exprn_ge0 //.
  by have := power_ge (N.of_nat k) p00 hp; rewrite Nat2N.id.
by have := power_ge (N.of_nat n - N.of_nat k)%bin q0 hq; rewrite N2Nat.inj_sub !Nat2N.id.
Qed.

Lemma windowE k len : (k + len <= n.+1)%N -> window (N.of_nat n) k len = list k len.
Proof.
by move=> le; rewrite /window; have /= := @binomialsE n 0 (k + len) le; rewrite bin0 => ->; rewrite -map_drop drop_iota addKn.
Qed.

Lemma part_of k len : (k + len <= n.+1)%N ->
  \sum_(k <= i < k + len) bin_mass p0 n i * F i <= \sum_(i < n.+1) bin_mass p0 n i * F i.
Proof.
move=> le; rewrite -(big_mkord xpredT (fun i => bin_mass p0 n i * F i)).
rewrite [X in _ <= X](big_cat_nat _ _ _ (leq0n (k + len)) le) (big_cat_nat _ _ _ (leq0n k) (leq_addr len k)) /=.
rewrite addrAC lerDr; apply: addr_ge0; apply: sumr_ge0 => i _; apply: mulr_ge0 => //; exact: bin_mass_ge0.
Qed.
End Means.
End Sound.
