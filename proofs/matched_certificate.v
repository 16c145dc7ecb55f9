(* How often inputs cannot be given neurons of their own: the last terms of binomial tails, and Chernoff for the rest.   *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction exact_laws rounding upward dropped_copies dropped_certificate.
From ERProofs Require Import factored_law factored_certificate masked_layer_0 enclosures.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

Section Computation.
Local Open Scope N_scope.
(* sixteenths of powers of 1/2, as t grows: 1, 15/16, ..., 1/16, 1/2, 15/32, ... *)
Definition base (t : N) : up := (16 - t mod 16, 4 + t / 16).
(* (y + mu (1 - y))^N / y^n, where N = a n + b: the power of a number that is about 1 comes first *)
Definition tail_up (mu : up) (t N' n : N) : up :=
  let y := base t in
  let z := up_add y (up_mul mu (2 ^ y.2 - y.1, y.2)) in
  let a := N' / n in
  up_mul (up_pow (up_mul (up_pow z a) (up_ratio (2 ^ y.2) y.1)) n) (up_pow z (N' - a * n)).
(* a sum of masses, from C(n, k) p^k q^(n - k) on *)
Fixpoint masses_up (p q : up) (n k : N) (cs : seq N) : up :=
  if cs is c :: cs' then up_add (mass_at 64 1 p q n k c) (masses_up p q n (k + 1) cs') else up_zero.
Definition complement (x : up) : up := (2 ^ x.2 - x.1, x.2).
(* P(Bin(N, 1 - mu) < m), with lo <= mu <= mu: the last `terms` of it are added up, and Chernoff bounds those before *)
Definition sharp_up (lo mu : up) (t terms N' m : N) : up :=
  let added := if m <=? N' + 1 then N.min terms m else 0 in
  let start := m - added in
  up_add (if start =? 0 then up_zero else tail_up mu t N' (start - 1))
    (masses_up (complement lo) mu N' start (window N' (N.to_nat start) (N.to_nat added))).
(* sum over s of C(d, s) P(Bin(N, 1 - r^s) < q s), with r' <= r <= r *)
Fixpoint hall_sum_up (r' r : up) (N' q s : N) (cs : seq N) (ts : seq (N * N)) : up :=
  match cs, ts with
  | c :: cs', t :: ts' =>
    up_add (up_mul (up_nat c) (sharp_up (power 64 0 r' s) (up_pow r s) t.1 t.2 N' (q * s))) (hall_sum_up r' r N' q (s + 1) cs' ts')
  | _, _ => up_zero
  end.
End Computation.

Local Open Scope ring_scope.
Section Sound.
Variable R : realFieldType.
Local Notation toR := (toR R).

Lemma of_nat_leb a b : (N.of_nat a <=? N.of_nat b)%bin = (a <= b)%N.
Proof. by apply/N.leb_spec0/ssrnat.leP; lia. Qed.

(* P(Bin(N, 1 - (1 - p0)^s) < m) *)
Definition tail (p0 : R) (N' m s : nat) : R :=
  \sum_(k < N'.+1) bin_mass (1 - (1 - p0) ^+ s) N' k * (k < m)%N%:R.

Lemma chernoff (rho y : R) (N' n : nat) : 0 <= rho <= 1 -> 0 <= y <= 1 ->
  (\sum_(k < N'.+1) bin_mass rho N' k * (k < n.+1)%N%:R) * y ^+ n <= (1 - rho + rho * y) ^+ N'.
Proof.
move=> /andP[r0 r1] /andP[y0 y1]; have q0 : 0 <= 1 - rho by rewrite subr_ge0.
rewrite exprDn mulr_suml; apply: ler_sum => k _; rewrite /bin_mass.
have m0 : 0 <= 'C(N', k)%:R * rho ^+ k * (1 - rho) ^+ (N' - k) by rewrite !mulr_ge0 ?ler0n ?exprn_ge0.
have -> : ((1 - rho) ^+ (N' - k) * (rho * y) ^+ k) *+ 'C(N', k) =
    'C(N', k)%:R * rho ^+ k * (1 - rho) ^+ (N' - k) * y ^+ k.
  rewrite exprMn -mulr_natl; move: 'C(N', k)%:R (_ ^+ (N' - k)) (rho ^+ k) (y ^+ k) => c e f g; ring.
rewrite -mulrA ler_wpM2l //; case: ltnP => [|_]; last by rewrite mul0r exprn_ge0.
by rewrite mul1r ltnS => kn; exact: ler_wiXn2l.
Qed.

Section OneTail.
Variables (p0 : R) (N' m s : nat) (mu : up) (t : N).
Hypotheses (h0 : 0 <= p0 <= 1) (hm : bounds mu ((1 - p0) ^+ s)).
Hypothesis qs : (0 < m)%N.
Let n := m.-1.

Lemma tail_upP : tail p0 N' m s <= value R (tail_up mu t (N.of_nat N') (N.of_nat n)).
Proof.
have /andP[p00 p01] := h0.
have m01 : 0 <= (1 - p0) ^+ s <= 1 by rewrite exprn_ge0 ?exprn_ile1 ?subr_ge0 // lerBlDr lerDl.
have /andP[m0 m1] := m01.
have c1 : (1 <= (base t).1 <= 2 ^ (base t).2)%bin.
  have le : (2 ^ 4 <= 2 ^ (4 + t / 16))%bin by apply: N.pow_le_mono_r => //; exact: N.le_add_r.
  have lt : (t mod 16 < 16)%bin by exact: N.mod_upper_bound.
  rewrite -[(2 ^ 4)%bin]/16%bin in le.
  by rewrite /base; cbn [fst snd]; move: (t mod 16)%bin lt (2 ^ (4 + t / 16))%bin le => r lt b le; split; lia.
have [c0 c2] := c1; pose c := toR (base t).1; pose two := toR (2 ^ (base t).2)%bin.
have cpos : (0 < (base t).1)%bin by exact: (N.lt_le_trans _ _ _ N.lt_0_1 c0).
have cp : 0 < c by exact: (toR_lt R cpos).
have c_two : c <= two by exact: toR_le.
have two0 : 0 < two by exact: lt_le_trans c_two.
pose y := c / two; have y01 : 0 <= y <= 1 by apply/andP; split; [apply: divr_ge0; exact: ltW|rewrite ler_pdivrMr // mul1r].
have /andP[y0 y1] := y01; pose w := two / c; have w0 : 0 < w by rewrite divr_gt0.
have yw : y * w = 1 by rewrite /y /w mulrA divfK ?divff // gt_eqF.
pose Z := 1 - (1 - (1 - p0) ^+ s) + (1 - (1 - p0) ^+ s) * y.
have Z0 : 0 <= Z by apply: addr_ge0; [rewrite subr_ge0 lerBlDr lerDl|apply: mulr_ge0 => //; rewrite subr_ge0].
have key : tail p0 N' m s * y ^+ n <= Z ^+ N'.
  rewrite /tail -(prednK qs) -/n; apply: chernoff => //.
  by rewrite subr_ge0 m1 lerBlDr lerDl.
pose a := (N.of_nat N' / N.of_nat n)%bin.
have split : (N' = N.to_nat a * n + N.to_nat (N.of_nat N' - a * N.of_nat n)%bin)%N.
  have le : (a * N.of_nat n <= N.of_nat N')%bin by exact: div_le.
  by apply: Nat2N.inj; rewrite Nat2N.inj_add Nat2N.inj_mul !N2Nat.id N.add_comm N.sub_add.
apply: (@le_trans _ _ ((Z ^+ N.to_nat a * w) ^+ n * Z ^+ N.to_nat (N.of_nat N' - a * N.of_nat n)%bin)).
  have -> : tail p0 N' m s = tail p0 N' m s * y ^+ n * w ^+ n by rewrite -mulrA -exprMn yw expr1n mulr1.
  have E i j : (Z ^+ i * w) ^+ n * Z ^+ j = Z ^+ (i * n + j) * w ^+ n by rewrite exprMn -exprM exprD mulrAC.
  by rewrite E -split ler_wpM2r ?exprn_ge0 ?(ltW w0).
have bz : bounds (up_add (base t) (up_mul mu (2 ^ (base t).2 - (base t).1, (base t).2)%bin)) Z.
  have -> : Z = y + (1 - p0) ^+ s * (1 - y) by rewrite /Z; ring.
  apply: up_addP; first by rewrite /bounds /value.
  apply: up_mulP => //; first by rewrite subr_ge0.
  by rewrite /bounds /value /= toR_sub // mulrBl divff ?gt_eqF.
have w_b := up_ratioP R (2 ^ (base t).2)%bin cpos; rewrite -/two -/c -/w in w_b.
have pw i : bounds (up_pow (up_add (base t) (up_mul mu (2 ^ (base t).2 - (base t).1, (base t).2)%bin)) i) (Z ^+ N.to_nat i) by exact: up_powP.
have za0 : 0 <= Z ^+ N.to_nat a * w by apply: mulr_ge0; [exact: exprn_ge0|exact: ltW].
have all := up_powP (N.of_nat n) za0 (up_mulP (exprn_ge0 _ Z0) (ltW w0) (pw a) w_b).
by rewrite Nat2N.id in all; apply: up_mulP; [exact: exprn_ge0|exact: exprn_ge0|exact: all|exact: pw].
Qed.
End OneTail.

Section Sharp.
Variables (p0 : R) (N' m s : nat) (lo mu : up) (t terms : N).
Hypotheses (h0 : 0 <= p0 <= 1) (hl : under lo ((1 - p0) ^+ s)) (hm : bounds mu ((1 - p0) ^+ s)).
Let rho : R := 1 - (1 - p0) ^+ s.
Let m01 : 0 <= (1 - p0) ^+ s <= 1.
Proof. by have /andP[a b] := h0; rewrite exprn_ge0 ?exprn_ile1 ?subr_ge0 // lerBlDr lerDl. Qed.
Let rho01 : 0 <= rho <= 1.
Proof. by have /andP[a b] := m01; rewrite /rho subr_ge0 b lerBlDr lerDl. Qed.

Lemma complementP : bounds (complement lo) rho.
Proof.
have p1 : 0 < toR (2 ^ lo.2)%bin by have := toR_lt R (_ : 0 < 2 ^ lo.2)%bin; apply; apply/N.neq_0_lt_0/N.pow_nonzero.
rewrite /bounds /value /= ler_pdivlMr // mulrBl mul1r.
have le : toR lo.1 <= (1 - p0) ^+ s * toR (2 ^ lo.2)%bin by rewrite -ler_pdivrMr.
apply: (@le_trans _ _ (toR (2 ^ lo.2)%bin - toR lo.1)); first by rewrite lerD2l lerN2.
case: (N.le_gt_cases lo.1 (2 ^ lo.2)) => [h|/(toR_lt R)/ltW h]; first by rewrite toR_sub.
by apply: le_trans (toR_ge0 R _); rewrite subr_le0.
Qed.

Lemma masses_upP k len : (k + len <= N'.+1)%N -> \sum_(k <= i < k + len) bin_mass rho N' i <=
  value R (masses_up (complement lo) mu (N.of_nat N') (N.of_nat k) [seq N.of_nat 'C(N', i) | i <- iota k len]).
Proof.
have /andP[r0 r1] := rho01; have q0 : 0 <= 1 - rho by rewrite subr_ge0.
elim: len k => [|len IH] k le; first by rewrite addn0 big_geq //= value_zero.
rewrite big_ltn ?addnS ?ltnS ?leq_addr //=.
have -> : (N.of_nat k + 1)%bin = N.of_nat k.+1 by rewrite N.add_1_r -Nat2N.inj_succ.
apply: up_addP; last by rewrite -addSn; apply: IH; rewrite addSnnS.
rewrite /bin_mass -mulrA; apply: times_ge; rewrite ?ler0n ?mulr_ge0 ?exprn_ge0 //.
  by rewrite /bounds /value /= divr1 toR_nat.
apply: times_ge; rewrite ?exprn_ge0 //.
  by have := power_ge 64 (N.of_nat k) r0 complementP; rewrite Nat2N.id.
have hq : bounds mu (1 - rho) by rewrite /rho subKr.
by have := power_ge 64 (N.of_nat N' - N.of_nat k)%bin q0 hq; rewrite N2Nat.inj_sub !Nat2N.id.
Qed.

Lemma sharp_upP : tail p0 N' m s <= value R (sharp_up lo mu t terms (N.of_nat N') (N.of_nat m)).
Proof.
rewrite /sharp_up; set added := (if (N.of_nat m <=? _)%bin then _ else _).
have mass0 i : 0 <= bin_mass rho N' i by exact: (bin_mass_ge0 _ rho01).
pose J := N.to_nat added; pose start := (m - J)%N.
have eJ : added = N.of_nat J by rewrite /J N2Nat.id.
have Jm : (J <= m)%N by apply/ssrnat.leP; rewrite /J /added; case: ifP => _ /=; lia.
have es : (N.of_nat m - added)%bin = N.of_nat start by rewrite eJ -Nat2N.inj_sub.
have se : (start + J = m)%N by rewrite /start subnK.
have before : tail p0 N' start s <= value R (if N.of_nat start =? 0 then up_zero else tail_up mu t (N.of_nat N') (N.of_nat start - 1))%bin.
  case: N.eqb_spec => [z|nz].
    have -> : start = 0%N by apply: Nat2N.inj.
    by rewrite value_zero /tail big1 // => k _; rewrite ltn0 mulr0.
  have s0 : (0 < start)%N by rewrite lt0n; apply/eqP => e; rewrite e in nz.
  have -> : (N.of_nat start - 1)%bin = N.of_nat start.-1 by rewrite N.sub_1_r -Nat2N.inj_pred.
  exact: tail_upP.
rewrite es eJ !Nat2N.id; apply: (@le_trans _ _ (tail p0 N' start s + \sum_(start <= i < start + J) bin_mass rho N' i)); last first.
  apply: up_addP; first exact: before.
  case: (posnP J) => [->|J0]; first by rewrite addn0 big_geq //; exact: value_ge0.
  have fits : (start + J <= N'.+1)%N.
    rewrite se; move: J0; rewrite /J /added; case: ifP => [le _|_ //]; move: le.
    by rewrite N.add_1_r -Nat2N.inj_succ of_nat_leb.
  by rewrite (windowE fits); exact: masses_upP.
rewrite se /tail.
have cut (f : nat -> R) i : (forall k, 0 <= f k) -> \sum_(k < N'.+1) f k * (k < i)%N%:R = \sum_(0 <= k < minn i N'.+1) f k.
  move=> f0; rewrite -(big_mkord xpredT (fun k => f k * (k < i)%N%:R)).
  rewrite (big_cat_nat _ _ _ (leq0n (minn i N'.+1)) (geq_minr _ _)) /= [X in _ + X]big_nat_cond [X in _ + X]big1 ?addr0.
    rewrite big_nat_cond [RHS]big_nat_cond; apply: eq_bigr => k /andP[/andP[_]]; rewrite leq_min => /andP[-> _] _.
    by rewrite mulr1.
  move=> k /andP[/andP[ge lt] _]; move: ge; rewrite geq_min => /orP[ge|ge]; last by rewrite ltnNge ge in lt.
  by rewrite ltnNge ge mulr0.
rewrite !cut //; case: (leqP m N'.+1) => mN.
  have sN : (start <= N'.+1)%N by apply: leq_trans mN; rewrite -se leq_addr.
  have sm : (start <= m)%N by rewrite -se leq_addr.
  by rewrite (minn_idPl sN) (big_cat_nat _ _ _ (leq0n start) sm).
have J0 : J = 0%N.
  rewrite /J /added (_ : (N.of_nat m <=? N.of_nat N' + 1)%bin = false) //.
  by rewrite N.add_1_r -Nat2N.inj_succ of_nat_leb leqNgt mN.
by move: se; rewrite J0 addn0 => ->; rewrite (minn_idPr (ltnW mN)) lerDl; apply: sumr_ge0 => k _; exact: mass0.
Qed.
End Sharp.

Lemma hall_sum_upP (p0 : R) (r' r : up) (d N' q s : nat) ts : 0 <= p0 <= 1 -> under r' (1 - p0) -> bounds r (1 - p0) ->
  \sum_(s.+1 <= t < s.+1 + size ts) 'C(d, t)%:R * tail p0 N' (q * t) t <=
  value R (hall_sum_up r' r (N.of_nat N') (N.of_nat q) (N.of_nat s.+1) [seq N.of_nat 'C(d, i) | i <- iota s.+1 (size ts)] ts).
Proof.
move=> h0 hl hr; elim: ts s => [|t ts IH] s; first by rewrite addn0 big_geq //= value_zero.
rewrite big_ltn; last by rewrite addnS ltnS leq_addr.
have {}IH := IH s.+1; rewrite -addSnnS; cbn [size iota map hall_sum_up].
have e2 : (N.of_nat s.+1 + 1)%bin = N.of_nat s.+2 by rewrite N.add_1_r -Nat2N.inj_succ.
have /andP[a b] := h0; have c : 0 <= 1 - p0 by rewrite subr_ge0.
rewrite -Nat2N.inj_mul e2; apply: up_addP => //; apply: up_mulP; rewrite ?ler0n //.
- apply: sumr_ge0 => k _; rewrite mulr_ge0 ?ler0n // /bin_mass.
  have f : (1 - p0) ^+ s.+1 <= 1 by rewrite exprn_ile1 // lerBlDr lerDl.
  have g0 : 0 <= 1 - (1 - p0) ^+ s.+1 by rewrite subr_ge0.
  have g1 : 0 <= 1 - (1 - (1 - p0) ^+ s.+1) by rewrite opprB addrC subrK exprn_ge0.
  by rewrite mulr_ge0 ?mulr_ge0 ?ler0n // exprn_ge0.
- by apply: le_trans (up_natP R _); rewrite Nat2N.id.
apply: sharp_upP => //; first by have := power_le 64 (N.of_nat s.+1) c hl; rewrite Nat2N.id.
by have := up_powP (N.of_nat s.+1) c hr; rewrite Nat2N.id.
Qed.

(* the answer: so many neurons N' in layer 0, where all the rest loses rest at most *)
Section HallSum.
Variables (a0 b0 num den : N) (d N' : N) (q : positive) (ts : seq (N * N)).
Definition hall_ok : bool :=
  [&& N.ltb 0 b0, N.leb a0 b0, N.ltb 0 den, N.eqb (N.of_nat (size ts)) d &
    up_le (hall_sum_up (ratio 64 0 (b0 - a0) b0) (up_ratio (b0 - a0) b0) N' (N.pos q) 1 (binomials d d 1 (size ts)) ts) num den].
Let p0 : R := toR a0 / toR b0.

Lemma hall_okP (I K Z : finType) : #|I| = N.to_nat d -> #|K| = Pos.to_nat q -> #|Z| = N.to_nat N' -> hall_ok ->
  0 <= p0 <= 1 /\ hall_failure I K Z p0 <= toR num / toR den.
Proof.
move=> cI cK cZ /and5P[b1 ab /N.ltb_lt den1 /N.eqb_spec sz le].
have p01 : 0 <= p0 <= 1 by exact: ratio01.
have miss : bounds (up_ratio (b0 - a0) b0) (1 - p0) by exact: complement_up.
have miss' : under (ratio 64 0 (b0 - a0) b0) (1 - p0) by exact: rest_le.
split=> //; apply: (up_leP den1 _ le).
have h := @hall_sum_upP p0 (ratio 64 0 (b0 - a0) b0) (up_ratio (b0 - a0) b0) #|I| #|Z| (Pos.to_nat q) 0 ts p01 miss' miss.
move: h; have -> : #|I| = size ts by rewrite cI -sz Nat2N.id.
rewrite add1n => h.
have be := @binomialsE (size ts) 1 (size ts) (leqnn _); rewrite bin1 sz in be.
have q1 : N.of_nat (Pos.to_nat q) = N.pos q by rewrite -[RHS]N2Nat.id.
have z1 : N.of_nat #|Z| = N' by rewrite cZ N2Nat.id.
move: h; rewrite q1 z1 -[N.of_nat 1]/1%bin -be => /(le_trans _); apply.
rewrite /hall_failure cI -sz Nat2N.id le_eqVlt; apply/orP; left; apply/eqP; apply: eq_bigr => s _.
by rewrite /few /tail cK.
Qed.
End HallSum.


(* dropped copies, layer 0 masked and matched: num0/den is lost there, num/den behind it *)
Section Matched.
Variables (a0 b0 a1 b1 a2 b2 : N) (k m q0 q1 : positive) (num0 num den bits d N' : N) (ts : seq (N * N)).
Variables (J O : finType).
Local Notation I := (ordinal_finType (N.to_nat d)).
Local Notation Z := (ordinal_finType (N.to_nat N')).
Local Notation K := (ordinal_finType (Pos.to_nat q0)).
Local Notation C := (ordinal_finType (Pos.to_nat q1)).
Variables (W1 : J -> I -> R) (W2 : O -> J -> R) (act : R -> R) (c1 : J -> R) (c2 : O -> R) (lo : I -> R).
Variable rep : pred {ffun [finType of [finType of ((J * C) * Z)%type + (O * (J * C))%type] + [finType of Z * I]] -> bool}.
Hypothesis hall : hall_ok a0 b0 num0 den d N' q0 ts.
Hypothesis enough : drop_certificate a1 b1 a2 b2 k m num den bits q0 q1.
Hypothesis some : N.ltb 0 N'.

Theorem matched_drop : (forall j, fan_in W1 j <= Pos.to_nat k)%N -> #|[pred x : O * J | W2 x.1 x.2 != 0]| = Pos.to_nat m ->
  (forall w, represented0 W1 W2 act c1 c2 lo w -> rep w) ->
  1 - toR (num0 + num)%bin / toR den <= Pr (all_masked (toR a0 / toR b0) (toR a1 / toR b1) (toR a2 / toR b2)) rep.
Proof.
move=> fan weights repP; have [p01 hf] := @hall_okP a0 b0 num0 den d N' q0 ts I K Z (card_ord _) (card_ord _) (card_ord _) hall.
have /and3P[/and4P[/and5P[_ b10 ab1 b20 ab2] _ _ _] _ _] := enough.
have lost := drop_bound_le enough fan weights.
have z0 : Z by case: (N') some => //= z _; exact: (Ordinal (introT ssrnat.ltP (Pos2Nat.is_pos z))).
have -> : toR (num0 + num)%bin / toR den = toR num0 / toR den + toR num / toR den.
  by rewrite -mulrDl; congr (_ / _); rewrite /rounding.toR N2Nat.inj_add natrD.
exact: (masked_drop p01 (ratio01 R b10 ab1) (ratio01 R b20 ab2) repP z0 hf lost).
Qed.
End Matched.
End Sound.
