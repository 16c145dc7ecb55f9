(* From an answer of `ertheory width --method exact` or `printed` (dense layer 0) to a theorem about networks.          *)
From Coq Require Import NArith PArith.
From mathcomp Require Import all_ssreflect all_algebra.
From ERProofs Require Import names bernoulli block_construction theorem_2_2 rounding.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* the law of the block construction: r l is the sparsity behind layer l, m l the weights there, q l the copies *)
Definition success (R : realFieldType) (r : nat -> R) (m q : nat -> nat) (L : nat) : R :=
  \prod_(l < L) (1 - r l ^+ q l) ^+ (m l * q l.+1).
Definition one_less (i : nat) (q : nat -> nat) (l : nat) : nat := if l == i then (q l).-1 else q l.

Section Plan.
(* what the tool prints: copies cq, numbers cm of non-zero weights, sparsity ra/rb per layer, delta = num/den *)
Variables (cq cm : nat -> positive) (ra rb : nat -> N) (num den bits : N).
Let S : N := (2 ^ bits)%bin.
Definition miss_up l : N := pow_up S (cdiv (ra l * S) (rb l))%bin (cq l).
Definition layer_dn l : N := pow_dn S (S - miss_up l)%bin (cm l * cq l.+1).
Fixpoint plan_dn (L : nat) : N := if L is l.+1 then (plan_dn l * layer_dn l / S)%bin else S.
Fixpoint sane (L : nat) : bool :=
  if L is l.+1 then [&& N.leb (miss_up l) S, N.ltb 0 (rb l), N.leb (ra l) (rb l) & sane l] else true.
Definition plan_ok (L : nat) : bool :=
  [&& N.ltb 0 den, N.leb num den, sane L & N.leb ((den - num) * S)%bin (plan_dn L * den)%bin].

Variables (R : realFieldType) (T : nat -> finType) (act : nat -> R -> R).
Variables (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R) (lo : T 0%N -> R).
Let q l := Pos.to_nat (cq l).
Let r l : R := toR R (ra l) / toR R (rb l).

Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR R S. Proof. exact: (toR_lt R S0). Qed.

Let r01 L l : sane L -> (l < L)%N -> 0 <= r l <= 1.
Proof.
elim: L => // L IH /and4P[_ /N.ltb_lt b0 /N.leb_le ab sL]; rewrite ltnS leq_eqVlt => /predU1P[->|]; last exact: IH.
have bp : 0 < toR R (rb L) by exact: (toR_lt R b0).
by rewrite divr_ge0 ?toR_ge0 //= ler_pdivrMr // mul1r; apply: toR_le.
Qed.

Lemma plan_dnP L : sane L ->
  below S (plan_dn L) (\prod_(l < L) (1 - r l ^+ q l) ^+ (Pos.to_nat (cm l) * q l.+1)).
Proof.
elim: L => [_|L IH sL]; first by rewrite big_ord0 /below mul1r.
have /and4P[/N.leb_le xS /N.ltb_lt b0 _ sL'] := sL.
have ok l : (l < L.+1)%N -> 0 <= 1 - r l ^+ q l.
  by move=> /(r01 sL)/andP[h0 h1]; rewrite subr_ge0 exprn_ile1.
have /andP[rL0 rL1] := r01 sL (ltnSn L).
rewrite big_ord_recr /=; apply: below_mul => //; first by apply: prodr_ge0 => i _; rewrite exprn_ge0 // ok // ltnW // ltnS ltn_ord.
- by rewrite exprn_ge0 // ok.
- exact: IH.
have -> : (Pos.to_nat (cm L) * q L.+1)%N = Pos.to_nat (cm L * cq L.+1)%positive by rewrite Pos2Nat.inj_mul.
apply: pow_dnP => //; first exact: ok.
by apply: compl_dn => //; apply: pow_upP => //; exact: ratio_up.
Qed.

Variable L : nat.
Theorem plan_sound (rep : pred (mask T L q)) : (0 < L)%N -> plan_ok L ->
  (forall l : 'I_L, nonzeros W l = Pos.to_nat (cm l)) ->
  (forall w, represented act W b lo w -> rep w) ->
  1 - toR R num / toR R den <= Pr (density (q := q) (fun l => 1 - r l)) rep.
Proof.
move=> L0 /and4P[/N.ltb_lt den0 /N.leb_le nd sL /N.leb_le h] nz repP.
pose p l : R := if (l < L)%N then 1 - r l else 0.
have p01 l : 0 <= p l <= 1.
  rewrite /p; case: ifP => [/(r01 sL)/andP[h0 h1]|_]; last by rewrite lexx ler01.
  by rewrite subr_ge0 h1 lerBlDr lerDl.
have -> : Pr (density (q := q) (fun l => 1 - r l)) rep = Pr (density (q := q) p) rep.
  apply: eq_bigr => w _; congr (_ * _); apply: eq_bigr => e _.
  by rewrite /wt /density /p ltn_ord.
apply: le_trans (exact22 p01 L0 repP).
have d1 : 0 < toR R den by exact: (toR_lt R den0).
rewrite -[X in X - _](divff (lt0r_neq0 d1)) -mulrBl -toR_sub // ler_pdivrMr // -(ler_pM2r s0) -toRM.
apply: le_trans (toR_le R h) _; rewrite toRM mulrAC ler_wpM2r ?toR_ge0 //.
apply: le_trans (plan_dnP sL) _; rewrite le_eqVlt; apply/orP; left; apply/eqP; congr (_ * _).
by apply: eq_bigr => l _; rewrite /p ltn_ord subKr nz.
Qed.
End Plan.

(* the other direction: with one copy less of the neurons of any layer the law is below 1 - delta *)
Section Minimal.
Variables (cm : nat -> positive) (ra rb : nat -> N) (num den bits : N).
Let S : N := (2 ^ bits)%bin.

Section Upper.
Variable cq : nat -> positive.
Definition miss_dn l : N := pow_dn S (ra l * S / rb l)%bin (cq l).
Definition layer_up l : N := pow_up S (S - miss_dn l)%bin (cm l * cq l.+1).
Fixpoint plan_up (L : nat) : N := if L is l.+1 then cdiv (plan_up l * layer_up l)%bin S else S.
Fixpoint sane_up (L : nat) : bool :=
  if L is l.+1 then [&& N.leb (miss_dn l) S, N.ltb 0 (rb l), N.leb (ra l) (rb l) & sane_up l] else true.
Definition too_little (L : nat) : bool :=
  [&& N.ltb 0 den, N.leb num den, sane_up L & N.ltb (plan_up L * den)%bin ((den - num) * S)%bin].
End Upper.

Definition fewer (i : nat) (cq : nat -> positive) (l : nat) : positive := if l == i then Pos.pred (cq l) else cq l.
Definition minimal (cq : nat -> positive) (L : nat) : bool :=
  all (fun i => Pos.eqb (cq i) 1 || too_little (fewer i cq) L) (iota 0 L).

Variable R : realFieldType.
Let r l : R := toR R (ra l) / toR R (rb l).
Let m l := Pos.to_nat (cm l).
Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR R S. Proof. exact: (toR_lt R S0). Qed.

Let miss01 cq L l : sane_up cq L -> (l < L)%N -> 0 <= 1 - r l ^+ Pos.to_nat (cq l).
Proof.
elim: L => // L IH /and4P[_ /N.ltb_lt b0 /N.leb_le ab sL]; rewrite ltnS leq_eqVlt => /predU1P[->|]; last exact: IH.
have bp : 0 < toR R (rb L) by exact: (toR_lt R b0).
by rewrite subr_ge0 exprn_ile1 // /r ?divr_ge0 ?toR_ge0 // ler_pdivrMr // mul1r; apply: toR_le.
Qed.

Lemma plan_upP cq L : sane_up cq L -> above S (plan_up cq L) (success r m (fun l => Pos.to_nat (cq l)) L).
Proof.
rewrite /success; elim: L => [_|L IH sL]; first by rewrite big_ord0 /above mul1r.
have /and4P[/N.leb_le xS /N.ltb_lt b0 _ sL'] := sL.
have rL := miss01 sL (ltnSn L).
rewrite big_ord_recr /=; apply: above_mul => //; last 2 first.
- exact: IH.
- have -> : (m L * Pos.to_nat (cq L.+1))%N = Pos.to_nat (cm L * cq L.+1)%positive by rewrite Pos2Nat.inj_mul.
  apply: pow_upP => //; apply: compl_up => //; apply: pow_dnP => //; last exact: ratio_dn.
  by rewrite divr_ge0 ?toR_ge0.
- by apply: prodr_ge0 => i _; rewrite exprn_ge0 // (miss01 sL') .
by rewrite exprn_ge0.
Qed.

Lemma too_littleP cq L : too_little cq L ->
  success r m (fun l => Pos.to_nat (cq l)) L < 1 - toR R num / toR R den.
Proof.
move=> /and4P[/N.ltb_lt den0 /N.leb_le nd sL /N.ltb_lt h].
have d1 : 0 < toR R den by exact: (toR_lt R den0).
rewrite -[X in X - _](divff (lt0r_neq0 d1)) -mulrBl -toR_sub // ltr_pdivlMr // -(ltr_pM2r s0) -toRM.
apply: le_lt_trans (toR_lt R h); rewrite toRM mulrAC ler_wpM2r ?toR_ge0 //; exact: plan_upP.
Qed.

Theorem plan_minimal cq L : minimal cq L -> forall i, (i < L)%N -> (1 < Pos.to_nat (cq i))%N ->
  success r m (one_less i (fun l => Pos.to_nat (cq l))) L < 1 - toR R num / toR R den.
Proof.
move=> /allP h i iL q1; have := h i; rewrite mem_iota iL => /(_ isT)/orP[/Pos.eqb_spec e|/too_littleP]; first by rewrite e in q1.
congr (_ < _); apply: eq_bigr => l _.
have e k : Pos.to_nat (fewer i cq k) = one_less i (fun l => Pos.to_nat (cq l)) k.
  rewrite /fewer /one_less; case: eqP => // ->; rewrite Pos2Nat.inj_pred //.
  by apply/Pos2Nat.inj_lt/ssrnat.ltP.
by rewrite !e.
Qed.
End Minimal.

(* the widths of the source: so many copies of every neuron *)
Section Widths.
Variables (size : nat -> N) (cq : nat -> positive) (width : nat -> N).
Definition widths_ok (L : nat) : bool := all (fun l => N.eqb (size l * N.pos (cq l))%bin (width l)) (iota 0 L.+1).
Lemma widths_okP L : widths_ok L -> forall l, (l <= L)%N ->
  #|source_layer (fun l => ordinal_finType (N.to_nat (size l))) (fun l => Pos.to_nat (cq l)) l.+1| = N.to_nat (width l).
Proof.
move=> /allP h l lL; have := h l; rewrite mem_iota ltnS lL => /(_ isT)/N.eqb_spec <-.
by rewrite /= card_prod !card_ord N2Nat.inj_mul.
Qed.
End Widths.
