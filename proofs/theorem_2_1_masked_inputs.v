(* Theorem 2.1 as printed is false when layer 0 is masked too: the target 1-1-1.                                     *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction exact_laws.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section OneInput.
Variables (R : realFieldType) (N0 N1 : finType) (p0 p1 p2 : R).
Local Notation mask := {ffun edges3 N0 N1 -> bool}.
Implicit Type m : mask.

Definition net3 (act0 act1 : R -> R) (u c0 : N0 -> R) (v : N1 -> N0 -> R) (c1 a : N1 -> R) (e : R) (x : R) : R :=
  \sum_j a j * act1 (\sum_k v j k * act0 (u k * x + c0 k) + c1 j) + e.
Definition on_mask3 m (u : N0 -> R) (v : N1 -> N0 -> R) (a : N1 -> R) : Prop :=
  [/\ forall k, ~~ m (inl (inl k)) -> u k = 0, forall j k, ~~ m (inl (inr (j, k))) -> v j k = 0
    & forall j, ~~ m (inr j) -> a j = 0].
Definition represented3 act0 act1 (box : R -> Prop) (f : R -> R) m : Prop :=
  exists u c0 v c1 a e, on_mask3 m u v a /\ forall x, box x -> net3 act0 act1 u c0 v c1 a e x = f x.

(* whatever the construction and the activations: without a path the source network is constant *)
Theorem path_needed3 act0 act1 box f m : (exists x x', [/\ box x, box x' & f x != f x']) ->
  represented3 act0 act1 box f m -> a_path m.
Proof.
move=> [x [x' [bx bx' /eqP ne]]] [u [c0 [v [c1 [a [e [[hu hv ha] eqf]]]]]]]; apply: contraT => np; case: ne.
rewrite -!eqf // /net3; congr (_ + _); apply: eq_bigr => j _.
case: (boolP (m (inr j))) => [mj|/ha->]; last by rewrite !mul0r.
congr (_ * act1 (_ + _)); apply: eq_bigr => k _.
case: (boolP (m (inl (inr (j, k))))) => [mjk|/hv->]; last by rewrite !mul0r.
have n0 : ~~ m (inl (inl k)).
  apply/negP => mk; case/negP: np; apply/existsP; exists k; rewrite mk /=.
  by apply/existsP; exists j; rewrite mjk.
by rewrite (hu _ n0) !mul0r.
Qed.

(* and with a path the target 1-1-1 is built *)
Variables (w1 b1 w2 b2 lo : R).
Definition target (x : R) : R := w2 * relu (w1 * x + b1) + b2.
Definition half_line (x : R) : Prop := lo <= x.

Theorem path_enough3 m : a_path m -> represented3 relu relu half_line target m.
Proof.
move=> /existsP[k /andP[mk /existsP[j /andP[mjk mj]]]].
exists (fun k' => (k' == k)%:R), (fun=> - lo), (fun j' k' => if (j' == j) && (k' == k) then w1 else 0),
  (fun=> b1 + w1 * lo), (fun j' => if j' == j then w2 else 0), b2; split.
  split=> [k'|j' k'|j'].
  - by case: eqP => [->|//]; rewrite mk.
  - by case: (eqVneq j' j) => [->|//]; case: (eqVneq k' k) => [->|//]; rewrite mjk.
  by case: eqP => [->|//]; rewrite mj.
move=> x bx; rewrite /net3 /target (bigD1 j) //= eqxx [X in _ + X + _]big1 ?addr0; last first.
  by move=> j' /negbTE->; rewrite mul0r.
rewrite (bigD1 k) //= eqxx mul1r [X in _ + X + _]big1 ?addr0; last by move=> k' /negbTE->; rewrite mul0r.
rewrite [relu (x - lo)]relu_id ?subr_ge0 //; congr (_ * relu _ + _); ring.
Qed.

Hypotheses (h0 : 0 <= p0 <= 1) (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1).
Local Notation P := (Pr (three_layers p0 p1 p2)).

Theorem exact3 (rep : pred mask) : (exists x x', [/\ half_line x, half_line x' & target x != target x']) ->
  (forall m, reflect (represented3 relu relu half_line target m) (rep m)) ->
  P rep = \sum_(k < #|N1|.+1) bin_mass p2 #|N1| k * (1 - (1 - p0 * (1 - (1 - p1) ^+ k)) ^+ #|N0|).
Proof.
move=> nc repP; rewrite -law_path; apply: eq_Pr => m; apply/repP/idP => [|h]; [exact: path_needed3|exact: path_enough3].
Qed.

Theorem upper3 act0 act1 box f (rep : pred mask) : (exists x x', [/\ box x, box x' & f x != f x']) ->
  (forall m, rep m -> represented3 act0 act1 box f m) -> P rep <= (#|N0| * #|N1|)%:R * (p0 * p1 * p2).
Proof.
move=> nc repP; apply: le_trans (path_first_moment N0 N1 h0 h1 h2); apply: le_Pr => [[[]|] //|m /repP]; exact: path_needed3.
Qed.
End OneInput.

From Coq Require Import NArith Lia.
From ERProofs Require Import rounding.

(* the printed widths for target 1-1-1, p = 1/100, delta = 1/10: q1 = 299, q0 = 866 *)
Section Printed.
Variable R : realFieldType.
Let p : R := 1 / 100%:R.
Let delta : R := 1 / 10%:R.

Lemma power_le (M a b q n d : N) : (0 < b)%bin -> (0 < d)%bin -> ((M * a ^ q * d <=? n * b ^ q) = true)%bin ->
  toR R M * (toR R a / toR R b) ^+ N.to_nat q <= toR R n / toR R d.
Proof.
move=> b0 d0 /N.leb_le h.
have toRX x : toR R (x ^ q)%bin = toR R x ^+ N.to_nat q.
  rewrite /toR -natrX; congr _%:R; elim/N.peano_ind: q {h} => [|k IH] //.
  by rewrite N.pow_succ_r' N2Nat.inj_succ expnS N2Nat.inj_mul IH.
have bp : 0 < toR R b by have := toR_lt R b0.
have dp : 0 < toR R d by have := toR_lt R d0.
rewrite expr_div_n mulrA ler_pdivrMr ?exprn_gt0 // mulrAC ler_pdivlMr // -!toRX -!toRM.
exact: toR_le.
Qed.

Lemma ratio_le (A B C D : N) : (0 < B)%bin -> (0 < D)%bin -> (A * D <= C * B)%bin -> toR R A / toR R B <= toR R C / toR R D.
Proof.
move=> B0 D0 h; have Bp : 0 < toR R B by have := toR_lt R B0.
have Dp : 0 < toR R D by have := toR_lt R D0.
by rewrite ler_pdivrMr // mulrAC ler_pdivlMr // -!toRM; apply: toR_le.
Qed.

Lemma cube (x y z : N) : (0 < z)%bin ->
  toR R x * toR R y * (1 / toR R z * (1 / toR R z) * (1 / toR R z)) = toR R (x * y)%bin / toR R (z * z * z)%bin.
Proof.
move=> z0; have zp : 0 < toR R z by have := toR_lt R z0.
by rewrite !toRM; field; rewrite gt_eqF.
Qed.

Lemma r99 : 1 - p = toR R 99 / toR R 100.
Proof.
have h : toR R 100 = 100%:R by rewrite /toR; congr _%:R; vm_compute.
have -> : toR R 99 = toR R 100 - toR R 1 by rewrite -toR_sub.
by rewrite h /p mulrBl divff // pnatr_eq0.
Qed.

(* both printed conditions hold (L = 2, m_1 = m_2 = 1, q_2 = 1) *)
Theorem printed_conditions : (2 * 1 * 1)%:R * (1 - p) ^+ 299 <= delta /\ (2 * 1 * 299)%:R * (1 - p) ^+ 866 <= delta.
Proof.
have e10 : delta = toR R 1 / toR R 10 by [].
have e299 : N.to_nat 299 = 299%N by vm_compute.
have e866 : N.to_nat 866 = 866%N by vm_compute.
rewrite r99 e10; split.
  have := @power_le 2 99 100 299 1 10 erefl erefl; rewrite e299; apply; by vm_compute.
have := @power_le 598 99 100 866 1 10 erefl erefl; rewrite e866.
have -> : toR R 598 = (2 * 1 * 299)%:R by rewrite /toR; congr _%:R; vm_compute.
apply; by vm_compute.
Qed.

(* yet no construction represents the target with probability above 0.26, where 0.9 is claimed *)
Theorem printed_is_false (act0 act1 : R -> R) (box : R -> Prop) (f : R -> R) (rep : pred {ffun edges3 (ordinal_finType 866) (ordinal_finType 299) -> bool}) :
  (exists x x', [/\ box x, box x' & f x != f x']) ->
  (forall m, rep m -> represented3 act0 act1 box f m) ->
  Pr (three_layers p p p) rep <= 26%:R / 100%:R.
Proof.
have p01 : 0 <= p <= 1 by rewrite /p divr_ge0 ?ler01 ?ler0n //= ler_pdivrMr ?ltr0n // mul1r ler1n.
move=> nc repP; apply: le_trans (upper3 p01 p01 p01 nc repP) _; rewrite !card_ord.
have e100 : 100%:R = toR R 100 by rewrite /toR; congr _%:R; vm_compute.
have e26 : 26%:R = toR R 26 by rewrite /toR; congr _%:R; vm_compute.
have e866 : 866%:R = toR R 866 by rewrite /toR; congr _%:R; vm_compute.
have e299 : 299%:R = toR R 299 by rewrite /toR; congr _%:R; vm_compute.
have le3 : toR R 866 * toR R 299 * (1 / toR R 100 * (1 / toR R 100) * (1 / toR R 100)) <= toR R 26 / toR R 100.
  by rewrite cube //; apply: ratio_le.
by rewrite natrM e866 e299 e26 /p e100.
Qed.
End Printed.
