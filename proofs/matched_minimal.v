(* One neuron less in a masked layer 0 that is matched: Hall's sum from below, and the law below 1 - delta.              *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction exact_laws rounding upward factored_certificate masked_layer_0.
From ERProofs Require Import certificates enclosures matched_certificate.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

Section Computation.
Local Open Scope N_scope.
Variable bits : N.
Let S : N := 2 ^ bits.
(* the last `terms` of P(Bin(N, 1 - mu) < m) *)
Definition tail_dn (lo mu : up) (terms N' m : N) : N :=
  if (m <=? N' + 1) && (terms <=? m) then
    mean_dn bits (fun=> S) (complement mu) lo N' (m - terms) (window N' (N.to_nat (m - terms)) (N.to_nat terms))
  else 0.
Fixpoint hall_sum_dn (r' r : up) (N' q s : N) (cs : seq N) (ts : seq (N * N)) : N :=
  match cs, ts with
  | c :: cs', t :: ts' =>
    (if t.2 =? 0 then 0 else c * tail_dn (power bits 0 r' s) (power bits 1 r s) t.2 N' (q * s)) + hall_sum_dn r' r N' q (s + 1) cs' ts'
  | _, _ => 0
  end.
End Computation.

Local Open Scope ring_scope.
Section Sound.
Variables (R : realFieldType) (bits : N).
Local Notation toR := (toR R).
Let S : N := (2 ^ bits)%bin.
Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR S. Proof. exact: (toR_lt R S0). Qed.

Section OneTail.
Variables (p0 : R) (N' m s : nat) (lo mu : up) (terms : nat).
Hypotheses (h0 : 0 <= p0 <= 1) (hl : under lo ((1 - p0) ^+ s)) (hm : bounds mu ((1 - p0) ^+ s)).
Let rho : R := 1 - (1 - p0) ^+ s.
Let rho01 : 0 <= rho <= 1.
Proof.
have /andP[a b] : 0 <= (1 - p0) ^+ s <= 1.
  by have /andP[a b] := h0; rewrite exprn_ge0 ?exprn_ile1 ?subr_ge0 // lerBlDr lerDl.
by rewrite /rho subr_ge0 b lerBlDr lerDl.
Qed.

Lemma complement_le : under (complement mu) rho.
Proof.
have p1 : 0 < toR (2 ^ mu.2)%bin by have := toR_lt R (_ : 0 < 2 ^ mu.2)%bin; apply; apply/N.neq_0_lt_0/N.pow_nonzero.
rewrite /under /value /=; case: (N.le_gt_cases mu.1 (2 ^ mu.2)) => [h|h].
  by rewrite toR_sub // mulrBl divff ?gt_eqF // lerD2l lerN2.
have -> : (2 ^ mu.2 - mu.1)%bin = 0%bin by apply/N.sub_0_le/N.lt_le_incl.
by rewrite -[toR 0]/(0 : R) mul0r; case/andP: rho01.
Qed.

Lemma tail_dnP : below S (tail_dn bits lo mu (N.of_nat terms) (N.of_nat N') (N.of_nat m)) (tail p0 N' m s).
Proof.
have mass0 i : 0 <= bin_mass rho N' i by exact: (bin_mass_ge0 _ rho01).
have tail0 : 0 <= tail p0 N' m s by apply: sumr_ge0 => k _; rewrite mulr_ge0 ?ler0n //; exact: mass0.
rewrite /tail_dn; case: ifP => [/andP[]|_]; last exact: (mulr_ge0 tail0 (ltW s0)).
rewrite N.add_1_r -Nat2N.inj_succ !of_nat_leb => mN tm.
rewrite -Nat2N.inj_sub !Nat2N.id; pose start := (m - terms)%N; rewrite -/start.
have se : (start + terms = m)%N by rewrite /start subnK.
have fits : (start + terms <= N'.+1)%N by rewrite se.
pose F (k : nat) : R := (k < m)%N%:R.
have F0 k : 0 <= F k by exact: ler0n.
rewrite (windowE fits); apply: le_trans (_ : (\sum_(start <= i < start + terms) bin_mass rho N' i * 1) * toR S <= _); last first.
  rewrite ler_pM2r //; apply: le_trans (part_of rho01 F0 fits); rewrite big_nat_cond [X in _ <= X]big_nat_cond.
  by apply: ler_sum => i /andP[/andP[_ lt] _]; rewrite /F -se lt.
have one (i : nat) : below S S (1 : R) by rewrite /below mul1r.
have lr : under lo (1 - rho) by rewrite /rho subKr.
exact: (mean_dnP rho01 (F := fun=> 1) (fun=> ler01) complement_le lr (Fd := fun=> S) one fits).
Qed.
End OneTail.

Lemma hall_sum_dnP (p0 : R) (r' r : up) (d N' q s : nat) ts : 0 <= p0 <= 1 -> under r' (1 - p0) -> bounds r (1 - p0) ->
  below S (hall_sum_dn bits r' r (N.of_nat N') (N.of_nat q) (N.of_nat s.+1) [seq N.of_nat 'C(d, i) | i <- iota s.+1 (size ts)] ts)
    (\sum_(s.+1 <= t < s.+1 + size ts) 'C(d, t)%:R * tail p0 N' (q * t) t).
Proof.
move=> h0 hl hr; elim: ts s => [|t ts IH] s; first by rewrite addn0 big_geq //= /below mul0r.
rewrite big_ltn; last by rewrite addnS ltnS leq_addr.
have {}IH := IH s.+1; rewrite -addSnnS; cbn [size iota map hall_sum_dn].
have e2 : (N.of_nat s.+1 + 1)%bin = N.of_nat s.+2 by rewrite N.add_1_r -Nat2N.inj_succ.
have /andP[a b] := h0; have c : 0 <= 1 - p0 by rewrite subr_ge0.
have tail0 : 0 <= tail p0 N' (q * s.+1) s.+1.
  apply: sumr_ge0 => k _; rewrite mulr_ge0 ?ler0n // /bin_mass.
  have f : (1 - p0) ^+ s.+1 <= 1 by rewrite exprn_ile1 // lerBlDr lerDl.
  have g0 : 0 <= 1 - (1 - p0) ^+ s.+1 by rewrite subr_ge0.
  have g1 : 0 <= 1 - (1 - (1 - p0) ^+ s.+1) by rewrite opprB addrC subrK exprn_ge0.
  by rewrite mulr_ge0 ?mulr_ge0 ?ler0n // exprn_ge0.
rewrite -Nat2N.inj_mul e2; apply: below_add => //; case: ifP => _.
  by have := mulr_ge0 (mulr_ge0 (ler0n R 'C(d, s.+1)) tail0) (ltW s0).
rewrite /below toRM toR_nat -mulrA ler_wpM2l ?ler0n // -[t.2]N2Nat.id.
apply: tail_dnP => //; first by have := power_le bits (N.of_nat s.+1) c hl; rewrite Nat2N.id.
by have := power_ge bits (N.of_nat s.+1) c hr; rewrite Nat2N.id.
Qed.

(* one neuron less, N' - 1 of them: (1 - H) P_block is below 1 - delta *)
Section Answer.
Variables (a0 b0 num den : N) (d N' : N) (q : positive) (ts : seq (N * N)).
Variables (cq cm : nat -> positive) (ra rb : nat -> N) (L : nat).
Definition neurons_few : bool :=
  let law := certificates.plan_up cm ra rb bits cq L in
  let hall := hall_sum_dn bits (ratio bits 0 (b0 - a0) b0) (ratio bits 1 (b0 - a0) b0) (N.pred N') (N.pos q) 1 (binomials d d 1 (size ts)) ts in
  [&& N.ltb 0 b0, N.leb a0 b0, N.ltb 0 den, N.leb num den, N.eqb (N.of_nat (size ts)) d, sane_up ra rb bits cq L, N.leb hall S &
    N.ltb (cdiv ((S - hall) * law) S * den)%bin ((den - num) * S)%bin].
Let p0 : R := toR a0 / toR b0.
Let r l : R := toR (ra l) / toR (rb l).

Theorem neurons_fewP (I K Z : finType) : #|I| = N.to_nat d -> #|K| = Pos.to_nat q -> #|Z| = (N.to_nat N').-1 -> neurons_few ->
  (1 - hall_failure I K Z p0) * success r (fun l => Pos.to_nat (cm l)) (fun l => Pos.to_nat (cq l)) L < 1 - toR num / toR den.
Proof.
move=> cI cK cZ /and5P[b1 ab d1 nd /and4P[/N.eqb_spec sz sn /N.leb_le hS /N.ltb_lt lt]].
have dp : 0 < toR den by have /N.ltb_lt/(toR_lt R) := d1.
have p01 : 0 <= p0 <= 1 by exact: ratio01.
have := @hall_sum_dnP p0 _ _ #|I| #|Z| (Pos.to_nat q) 0 ts p01 (rest_le R bits b1 ab) (rest_ge R bits b1 ab).
have -> : #|I| = size ts by rewrite cI -sz Nat2N.id.
have be := @binomialsE (size ts) 1 (size ts) (leqnn _); rewrite bin1 sz in be.
have q1 : N.of_nat (Pos.to_nat q) = N.pos q by rewrite -[RHS]N2Nat.id.
have z1 : N.of_nat #|Z| = N.pred N' by rewrite cZ Nat2N.inj_pred N2Nat.id.
rewrite add1n q1 z1 -[N.of_nat 1]/1%bin -be => hall.
have hE : hall_failure I K Z p0 = \sum_(1 <= t < (size ts).+1) 'C(size ts, t)%:R * tail p0 #|Z| (Pos.to_nat q * t) t.
  by rewrite /hall_failure cI -sz Nat2N.id; apply: eq_bigr => s _; rewrite /few /tail cK.
rewrite -hE in hall; have law := plan_upP cm R sn.
have left := compl_up hS hall.
rewrite (ratio_rest R d1 nd).
have success0 : 0 <= success r (fun l => Pos.to_nat (cm l)) (fun l => Pos.to_nat (cq l)) L.
  apply: prodr_ge0 => l _; apply: exprn_ge0; rewrite subr_ge0; apply: exprn_ile1.
    by rewrite divr_ge0 ?toR_ge0.
  have : forall n, sane_up ra rb bits cq n -> forall l, (l < n)%N -> r l <= 1.
    elim=> // n IH /and4P[_ /N.ltb_lt c0 /N.leb_le ac sn']; rewrite /= => l'; rewrite ltnS leq_eqVlt => /predU1P[->|]; last exact: IH.
    have cp : 0 < toR (rb n) by exact: (toR_lt R c0).
    by rewrite ler_pdivrMr // mul1r; apply: toR_le.
  by move=> /(_ L sn l (ltn_ord l)).
have goal : 0 <= toR (den - num)%bin / toR den by rewrite divr_ge0 ?toR_ge0.
case: (ltrP (1 - hall_failure I K Z p0) 0) => [neg|pos].
  case: (eqVneq (success r (fun l => Pos.to_nat (cm l)) (fun l => Pos.to_nat (cq l)) L) 0) => [->|nz].
    rewrite mulr0 divr_gt0 //; have := toR_lt R (_ : 0 < den - num)%bin; apply.
    by move: lt; case: (den - num)%bin => // lt; case: (N.nlt_0_r _ lt).
  apply: lt_le_trans goal; rewrite nmulr_rlt0 // lt_neqAle eq_sym nz; exact: success0.
have both := above_mul S0 pos success0 left law.
rewrite ltr_pdivlMr // -(ltr_pM2r s0) -[toR (den - num) * _]toRM.
by apply: le_lt_trans (toR_lt R lt); rewrite toRM mulrAC ler_wpM2r ?toR_ge0.
Qed.
End Answer.
End Sound.
