(* One inner neuron less: the bound of a factored source is above its share of delta, whatever columns it is taken at.   *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli exact_laws rounding upward factored factored_law factored_certificate enclosures.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

Section Computation.
Local Open Scope N_scope.
Variable bits : N.
Let S : N := 2 ^ bits.
(* some terms of Hall's sum, from the t at hand on; as `hall_up` *)
Fixpoint hall_dn (r : up) (k t : N) (cm ck : seq N) : N :=
  match cm, ck with
  | x :: cm', y :: ck' => fixed_dn bits (times bits 0 (x * y, 0) (power bits 0 r (t * (k - (t - 1))))) + hall_dn r k (t + 1) cm' ck'
  | _, _ => 0
  end.
(* e terms at both ends, or all of them *)
Definition lost_dn (m e : nat) (r : up) (k : nat) : N :=
  if (k < m)%nat then S else
  let cm := binomials (N.of_nat m) (N.of_nat m) 1 m in
  let ck := binomials (N.of_nat k) 1 0 m in
  N.min S (if (e + e < m)%nat
    then hall_dn r (N.of_nat k) 1 (take e cm) (take e ck) +
      hall_dn r (N.of_nat k) (N.of_nat (m - e).+1) (drop (m - e) cm) (drop (m - e) ck)
    else hall_dn r (N.of_nat k) 1 cm ck).
(* the least of all losses so far, for the columns k, k + 1, ... *)
Fixpoint floors (m e : nat) (r : up) (before : N) (k len : nat) : seq N :=
  if len is l.+1 then let here := N.min before (lost_dn m e r k) in here :: floors m e r here k.+1 l else [::].
(* n inputs, m outputs, N' inner neurons less one; the columns k0, k0 + 1, ..., len of them *)
Definition map_above (n m N' : nat) (a1 b1 a2 b2 num den : N) (e k0 len : nat) : bool :=
  let losses := floors m e (ratio bits 0 (b2 - a2) b2) S 0 (k0 + len) in
  let mean := mean_dn bits (fun k => nth 0 losses (N.to_nat k)) (ratio bits 0 a1 b1) (ratio bits 0 (b1 - a1) b1)
    (N.of_nat N') (N.of_nat k0) (window (N.of_nat N') k0 len) in
  [&& 0 <? b1, a1 <=? b1, 0 <? b2, a2 <=? b2, 0 <? den, (k0 + len <= N'.+1)%nat & num * S <? N.of_nat n * mean * den].
End Computation.

Local Open Scope ring_scope.
Section Sound.
Variables (R : realFieldType) (bits : N).
Local Notation toR := (toR R).
Let S : N := (2 ^ bits)%bin.
Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR S. Proof. exact: (toR_lt R S0). Qed.

Section Losses.
Variables (m e : nat) (p2 : R) (r : up).
Hypotheses (h2 : 0 <= p2 <= 1) (hr : under r (1 - p2)).
Let r0 : 0 <= 1 - p2. Proof. by rewrite subr_ge0; case/andP: h2. Qed.
Let term (k t : nat) : R := ('C(m, t) * 'C(k, t.-1))%:R * (1 - p2) ^+ (t * (k - t.-1)).
Let term0 k t : 0 <= term k t. Proof. by rewrite mulr_ge0 ?ler0n ?exprn_ge0. Qed.

Lemma hall_dnP k s len K T : K = N.of_nat k -> T = N.of_nat s.+1 ->
  below S (hall_dn bits r K T [seq N.of_nat 'C(m, i) | i <- iota s.+1 len] [seq N.of_nat 'C(k, i) | i <- iota s len])
    (\sum_(s.+1 <= t < s.+1 + len) term k t).
Proof.
move=> eK; elim: len s T => [|len IH] s T eT; first by rewrite addn0 big_geq //= /below mul0r.
rewrite big_ltn; last by rewrite addnS ltnS leq_addr.
have {}IH := IH s.+1 (T + 1)%bin ltac:(by rewrite eT N.add_1_r -Nat2N.inj_succ); rewrite -addSnnS.
apply: below_add => //; apply: fixed_dnP; apply: times_le; first exact: ler0n.
  by rewrite /under /value /= divr1 -Nat2N.inj_mul toR_nat.
have := power_le bits (T * (K - (T - 1)))%bin r0 hr; rewrite eT eK.
by rewrite N.sub_1_r -Nat2N.inj_pred -Nat2N.inj_sub -Nat2N.inj_mul Nat2N.id.
Qed.

Lemma hall_sum_dnP k : (m <= k)%N ->
  let cm := binomials (N.of_nat m) (N.of_nat m) 1 m in
  let ck := binomials (N.of_nat k) 1 0 m in
  below S (if (e + e < m)%nat
    then (hall_dn bits r (N.of_nat k) 1 (take e cm) (take e ck) +
      hall_dn bits r (N.of_nat k) (N.of_nat (m - e).+1) (drop (m - e) cm) (drop (m - e) ck))%bin
    else hall_dn bits r (N.of_nat k) 1 cm ck) (hall_sum m p2 k).
Proof.
move=> mk /=; have /= := @binomialsE m 1 m (leqnn _); rewrite bin1 => ->.
have /= := @binomialsE k 0 m (leqW mk); rewrite bin0 => ->.
case: ltnP => em; last by have := @hall_dnP k 0 m _ _ erefl erefl; rewrite add1n.
have e1 : (e <= m)%N by apply: leq_trans (ltnW em); exact: leq_addr.
have e2 : (e <= m - e)%N by rewrite leq_subRL // ltnW.
rewrite -!map_take -!map_drop !take_iota !drop_iota (minn_idPl e1) subKn // add0n add1n.
apply: (@le_trans _ _ ((\sum_(1 <= t < e.+1) term k t + \sum_((m - e).+1 <= t < m.+1) term k t) * toR S)).
  apply: below_add; first by have := @hall_dnP k 0 e _ _ erefl erefl; rewrite add1n.
  by have := @hall_dnP k (m - e)%N e _ _ erefl erefl; rewrite addSn subnK.
rewrite ler_pM2r // /hall_sum [X in _ <= X](big_cat_nat _ _ _ (isT : (1 <= e.+1)%N)) //=.
rewrite lerD2l [X in _ <= X](big_cat_nat _ _ _ (e2 : (e.+1 <= (m - e).+1)%N)) /=; last by rewrite ltnS leq_subr.
by rewrite lerDr; apply: sumr_ge0 => t _; exact: term0.
Qed.

Lemma lost_dnP k : below S (lost_dn bits m e r k) (lost m p2 k).
Proof.
rewrite /lost /lost_dn; case: ltnP => mk; first by rewrite /below mul1r.
have := hall_sum_dnP mk; cbv zeta; rewrite -[(2 ^ bits)%bin]/S; set sum := (if _ then _ else _) => h.
rewrite /Num.min; case: ifP => _.
  by rewrite /below mul1r; apply: toR_le; exact: N.le_min_l.
by apply: le_trans h; apply: toR_le; exact: N.le_min_r.
Qed.

Lemma floorsP before k len : (forall j, (j < k)%N -> below S before (lost m p2 j)) ->
  forall i j, (i < len)%N -> (j <= k + i)%N -> below S (nth 0%bin (floors bits m e r before k len) i) (lost m p2 j).
Proof.
elim: len before k => [//|len IH] before k hb i j; set here := N.min before (lost_dn bits m e r k).
have hk j' : (j' < k.+1)%N -> below S here (lost m p2 j').
  rewrite ltnS leq_eqVlt => /predU1P[->|lt].
    by apply: le_trans (lost_dnP k); apply: toR_le; exact: N.le_min_r.
  by apply: le_trans (hb _ lt); apply: toR_le; exact: N.le_min_l.
case: i => [|i] /= lt le; first by apply: hk; rewrite ltnS -[k]addn0.
by apply: (IH here k.+1 hk i j lt); rewrite addSnnS.
Qed.

Lemma size_floors before k len : size (floors bits m e r before k len) = len.
Proof. by elim: len before k => [//|len IH] before k /=; rewrite IH. Qed.
End Losses.

Theorem map_aboveP n m N' (a1 b1 a2 b2 num den : N) e k0 len (g : nat -> R) :
  map_above bits n m N' a1 b1 a2 b2 num den e k0 len -> steps m (toR a2 / toR b2) g ->
  toR num / toR den < n%:R * \sum_(k < N'.+1) bin_mass (toR a1 / toR b1) N' k * g k.
Proof.
move=> /and5P[b10 ab1 b20 ab2 /and3P[/N.ltb_lt d0 fits /N.ltb_lt lt]] gs.
set p1 := toR a1 / toR b1; have h1 : 0 <= p1 <= 1 by exact: ratio01.
have h2 := ratio01 R b20 ab2; have r2 := rest_le R bits b20 ab2.
have g0 k : 0 <= g k by exact: steps_ge0 gs.
have hF i : below S (nth 0%bin (floors bits m e (ratio bits 0 (b2 - a2) b2) S 0 (k0 + len)) (N.to_nat (N.of_nat i))) (g i).
  rewrite Nat2N.id; case: (ltnP i (k0 + len)) => il; last by rewrite nth_default ?size_floors //; exact: (mulr_ge0 (g0 i) (ltW s0)).
  have [j [ji le]] := gs i; apply: le_trans (_ : lost m (toR a2 / toR b2) j * toR S <= _); last by rewrite ler_pM2r.
  have none j' : (j' < 0)%N -> below S S (lost m (toR a2 / toR b2) j') by [].
  exact: (@floorsP m e _ _ h2 r2 S 0%N (k0 + len) none i j il ji).
have p1d : under (ratio bits 0 a1 b1) p1 by exact/ratio_le/N.ltb_lt.
pose Fd (k : N) := nth 0%bin (floors bits m e (ratio bits 0 (b2 - a2) b2) S 0 (k0 + len)) (N.to_nat k).
have mean := mean_dnP h1 g0 (Fd := Fd) p1d (rest_le R bits b10 ab1) hF fits.
have all := part_of h1 g0 fits.
have dp : 0 < toR den by exact: (toR_lt R d0).
rewrite ltr_pdivrMr // -(ltr_pM2r s0) -toRM; apply: lt_le_trans (toR_lt R lt) _.
rewrite !toRM toR_nat -[X in _ <= X]mulrA [toR den * _]mulrC mulrA ler_wpM2r ?(ltW dp) //.
rewrite -mulrA ler_wpM2l ?ler0n //; rewrite -(windowE fits) in mean; apply: le_trans mean _.
by rewrite ler_pM2r.
Qed.

(* the shares of delta, with a common denominator *)
Lemma shares_le (shares : nat -> N) (common num den : N) L :
  [&& 0 <? common, 0 <? den & foldr N.add 0 [seq shares l | l <- iota 0 L] * den <=? num * common]%bin ->
  \sum_(l < L) toR (shares l) / toR common <= toR num / toR den.
Proof.
move=> /and3P[/N.ltb_lt c0 /N.ltb_lt d0 /N.leb_le le].
have cp : 0 < toR common by exact: (toR_lt R c0).
have dp : 0 < toR den by exact: (toR_lt R d0).
have sumE : \sum_(l < L) toR (shares l) = toR (foldr N.add 0%bin [seq shares l | l <- iota 0 L]).
  rewrite -(big_mkord xpredT (fun l => toR (shares l))) /index_iota subn0.
  elim: (iota 0 L) => [|l s IH]; first by rewrite big_nil.
  by rewrite big_cons IH /= toRD.
rewrite -mulr_suml sumE ler_pdivrMr // mulrAC ler_pdivlMr // -!toRM.
exact: toR_le.
Qed.
End Sound.
