(* Kinks: a network that has those of a target near points of its hyperplanes has a neuron of its own for each.       *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names factored.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Small.
Variable R : realFieldType.

(* finitely many things that hold for all small enough numbers hold for one *)
Lemma common (K : finType) (P : K -> R -> Prop) :
  (forall k, exists2 t, 0 < t & forall t', 0 < t' <= t -> P k t') -> exists2 t, 0 < t & forall t', 0 < t' <= t -> forall k, P k t'.
Proof.
move=> h; suff all (s : seq K) : exists2 t, 0 < t & forall t', 0 < t' <= t -> forall k, k \in s -> P k t'.
  by have [t t0 ht] := all (enum K); exists t => // t' /ht ok k; apply: ok; rewrite mem_enum.
elim: s => [|k s [t t0 ht]]; first by exists 1; rewrite ?ltr01.
have [t1 t10 ht1] := h k; exists (Num.min t t1); first by rewrite lt_min t0.
move=> t' /andP[t'0 t'm] k'; move: t'm; rewrite le_min => /andP[tt tt1].
by rewrite inE => /predU1P[->|k's]; [apply: ht1|apply: (ht t')]; rewrite ?t'0.
Qed.

Lemma scaled_small (a b : R) : 0 < a -> exists2 t, 0 < t & forall t', 0 < t' <= t -> `|t' * b| < a.
Proof.
move=> a0; have b1 : 0 < `|b| + 1 by rewrite ltr_pwDr.
exists (a / (`|b| + 1)); first exact: divr_gt0.
move=> t' /andP[t0]; rewrite ler_pdivlMr // => le; rewrite normrM gtr0_norm //.
by apply: lt_le_trans le; rewrite ltr_pM2l // ltrDl.
Qed.

Definition near n (r : R) (y : 'cV[R]_n) : Prop := forall i, `|y i 0| < r.

Lemma near0 n (r : R) : 0 < r -> near r (0 : 'cV[R]_n).
Proof. by move=> r0 i; rewrite mxE normr0. Qed.

Lemma nearD n (r r' : R) (y y' : 'cV[R]_n) : near r y -> near r' y' -> near (r + r') (y + y').
Proof. by move=> h h' i; rewrite mxE; apply: le_lt_trans (ler_normD _ _) (ltrD (h i) (h' i)). Qed.

Lemma nearW n (r r' : R) (y : 'cV[R]_n) : r <= r' -> near r y -> near r' y.
Proof. by move=> le h i; apply: lt_le_trans (h i) le. Qed.

Lemma near_scale n (r : R) (y : 'cV[R]_n) : 0 < r -> exists2 t, 0 < t & forall t', 0 < t' <= t -> near r (t' *: y).
Proof.
move=> r0; have [t t0 ht] := @common _ (fun i t => `|t * y i 0| < r) (fun i => scaled_small (y i 0) r0).
by exists t => // t' /ht h i; rewrite mxE; exact: h.
Qed.

Lemma mulmx_near n k (C : 'M[R]_(k, n)) (r : R) : 0 < r ->
  exists2 t, 0 < t & forall t', 0 < t' <= t -> forall y, near t' y -> near r (C *m y).
Proof.
move=> r0; pose S := \sum_i \sum_j `|C i j| + 1.
have S0 : 0 < S by rewrite ltr_pwDr // sumr_ge0 // => i _; rewrite sumr_ge0.
exists (r / S) => [|t' /andP[t0]]; first exact: divr_gt0.
rewrite ler_pdivlMr // => le y yt i; rewrite mxE; apply: lt_le_trans le.
apply: (@le_lt_trans _ _ (t' * \sum_j `|C i j|)).
  apply: le_trans (ler_norm_sum _ _ _) _; rewrite mulr_sumr; apply: ler_sum => j _.
  by rewrite normrM mulrC ler_wpM2r // ltW.
rewrite ltr_pM2l // /S (bigD1 i) //= -addrA ltrDl.
by rewrite ltr_pwDr // sumr_ge0 // => i' _; rewrite sumr_ge0.
Qed.

(* a small vector of a space at which none of finitely many affine functions is 0 that are not 0 on all of the space *)
Definition affine_along n (f : 'cV[R]_n -> R) : Prop := forall y y' t, f (y + t *: (y' - y)) = f y + t * (f y' - f y).

Lemma avoid n (K : finType) (f : K -> 'cV[R]_n -> R) (L : 'cV[R]_n -> Prop) (r : R) : 0 < r -> L 0 ->
  (forall y y' t, L y -> L y' -> L (y + t *: (y' - y))) -> (forall k, affine_along (f k)) ->
  (forall k, exists2 y, L y & f k y != 0) -> exists y, [/\ L y, near r y & forall k, f k y != 0].
Proof.
move=> r0 L0 closed aff wit.
suff all (s : seq K) : exists y, [/\ L y, near r y & forall k, k \in s -> f k y != 0].
  by have [y [Ly yr h]] := all (enum K); exists y; split=> // k; apply: h; rewrite mem_enum.
elim: s => [|k s [y [Ly yr h]]]; first by exists 0; split=> //; exact: near0.
case: (eqVneq (f k y) 0) => [fy|fy]; last first.
  by exists y; split=> // k'; rewrite inE => /predU1P[->|/h].
have [y' Ly' fy'] := wit k.
have [t1 t10 ht1] : exists2 t, 0 < t & forall t', 0 < t' <= t -> forall k', k' \in s -> `|t' * (f k' y' - f k' y)| < `|f k' y|.
  apply: (@common _ (fun k' t => k' \in s -> `|t * (f k' y' - f k' y)| < `|f k' y|)) => k'.
  case: (boolP (k' \in s)) => [/h nz|_]; last by exists 1; rewrite ?ltr01.
  have nz' : 0 < `|f k' y| by rewrite normr_gt0.
  by have [t t0 ht] := scaled_small (f k' y' - f k' y) nz'; exists t => // t' /ht.
have [t2 t20 ht2] : exists2 t, 0 < t & forall t', 0 < t' <= t -> forall i, `|t' * (y' - y) i 0| < r - `|y i 0|.
  by apply: common => i; apply: scaled_small; rewrite subr_gt0.
pose t := Num.min t1 t2; have t0 : 0 < t by rewrite lt_min t10.
have tt1 : 0 < t <= t1 by rewrite t0 ge_min lexx.
have tt2 : 0 < t <= t2 by rewrite t0 ge_min lexx orbT.
exists (y + t *: (y' - y)); split=> [|i|k']; first exact: closed.
  rewrite mxE [X in _ + X]mxE; apply: le_lt_trans (ler_normD _ _) _.
  by rewrite -ltrBrDl; exact: ht2.
rewrite inE => /predU1P[->|k's]; rewrite aff.
  by rewrite fy add0r subr0 mulf_neq0 // gt_eqF.
rewrite addrC -[X in _ + X]opprK subr_eq0; apply/eqP => e; have := ht1 t tt1 k' k's.
by rewrite e normrN ltxx.
Qed.

Lemma second_difference (a b : R) : `|b| < `|a| -> relu (a + b) + relu (a - b) = relu a + relu a.
Proof.
rewrite /relu; case: (lerP 0 a) => a0; last first.
  rewrite (ltr0_norm a0) ltr_norml opprK => /andP[ba b_a].
  by rewrite !max_l ?addr0 // ?subr_le0 ?ltW // -ltrBrDl sub0r.
rewrite (ger0_norm a0) ltr_norml => /andP[ba b_a].
have s1 : 0 <= a + b by rewrite -lerBlDl sub0r ltW.
have s2 : 0 <= a - b by rewrite subr_ge0 ltW.
by rewrite !max_r // addrACA subrr addr0.
Qed.

Lemma second_difference0 (b : R) : relu b + relu (- b) = `|b|.
Proof.
rewrite /relu; case: (lerP 0 b) => b0; last by rewrite max_r ?oppr_ge0 ?ltW // add0r ltr0_norm.
by rewrite max_l ?oppr_le0 // addr0 ger0_norm.
Qed.
End Small.

Lemma row_mulE (R : realFieldType) k n (A : 'M[R]_(k, n)) (x : 'cV[R]_n) i : (row i A *m x) 0 0 = (A *m x) i 0.
Proof. by rewrite -row_mul [LHS]mxE. Qed.

Lemma scale_mulE (R : realFieldType) n c (a : 'rV[R]_n) (x : 'cV[R]_n) : ((c *: a) *m x) 0 0 = c * (a *m x) 0 0.
Proof. by rewrite -scalemxAl [LHS]mxE. Qed.

Lemma line_mulE (R : realFieldType) k n (A : 'M[R]_(k, n)) (y y' : 'cV[R]_n) t i :
  (A *m (y + t *: (y' - y))) i 0 = (A *m y) i 0 + t * ((A *m y') i 0 - (A *m y) i 0).
Proof. by rewrite mulmxDr -scalemxAr mulmxBr; move: (A *m y) (A *m y') => v v'; rewrite !mxE. Qed.

Lemma mul_scaleE (R : realFieldType) k n (A : 'M[R]_(k, n)) (y : 'cV[R]_n) t i : (A *m (t *: y)) i 0 = t * (A *m y) i 0.
Proof. by rewrite -scalemxAr [LHS]mxE. Qed.

Lemma sub_scaleE (R : realFieldType) k n (A : 'M[R]_(k, n)) (y v : 'cV[R]_n) t i :
  (A *m (y - t *: v)) i 0 = (A *m y) i 0 - t * (A *m v) i 0.
Proof. by rewrite mulmxBr -scalemxAr; move: (A *m y) (A *m v) => w w'; rewrite !mxE. Qed.

Section Planes.
Variables (R : realFieldType) (d n : nat) (W1 : 'M[R]_(n, d)) (b1 : 'I_n -> R).
Definition plane (j : 'I_n) (x : 'cV[R]_d) : R := (W1 *m x) j 0 + b1 j.

Lemma planeD j x y : plane j (x + y) = plane j x + (W1 *m y) j 0.
Proof. by rewrite /plane mulmxDr mxE addrAC. Qed.

End Planes.

Section Near.
Variables (R : realFieldType) (d n m : nat).
Variables (W1 : 'M[R]_(n, d)) (b1 : 'I_n -> R) (w2 : 'I_n -> R) (b2 : R).
Variable X : 'M[R]_(d, n).
Hypotheses (W1X : W1 *m X = 1%:M) (w20 : forall j, w2 j != 0).
Local Notation plane := (plane W1 b1).
(* affine neurons, near some point of each hyperplane *)
Variables (al : 'I_m -> 'rV[R]_d) (be : 'I_m -> R) (s : 'I_m -> R) (e : R).
Definition neuron (z : 'I_m) (x : 'cV[R]_d) : R := (al z *m x) 0 0 + be z.

Lemma neuronD z x y : neuron z (x + y) = neuron z x + (al z *m y) 0 0.
Proof. by rewrite /neuron mulmxDr mxE addrAC. Qed.

Let W1col k j : (W1 *m col j X) k 0 = (k == j)%:R.
Proof. by rewrite colE mulmxA W1X mul1mx mxE eqxx andbT. Qed.

Lemma kink_needed (j : 'I_n) (x : 'cV[R]_d) (r : R) : 0 < r -> plane j x = 0 ->
  (forall y, near r y -> \sum_z s z * relu (neuron z (x + y)) + e = \sum_k w2 k * relu (plane k (x + y)) + b2) ->
  exists z, [/\ s z != 0, (al z *m col j X) 0 0 != 0 & al z = (al z *m col j X) 0 0 *: row j W1].
Proof.
move=> r0 xj same; pose v := col j X; pose lam z := (al z *m v) 0 0.
pose special z := (al z == lam z *: row j W1) && (neuron z x == 0).
pose L (y : 'cV[R]_d) := (W1 *m y) j 0 = 0.
pose f (k : 'I_m + 'I_n) (y : 'cV[R]_d) : R := match k with
  | inl z => if special z then 1 else neuron z (x + y)
  | inr k => if k == j then 1 else plane k (x + y)
  end.
have [||||y [Ly yr fy]] := @avoid _ _ _ f L (r / 2%:R) (divr_gt0 r0 (ltr0Sn _ 1)).
- by rewrite /L mulmx0 mxE.
- by move=> y y' t Ly Ly'; rewrite /L line_mulE Ly Ly' subrr mulr0 addr0.
- move=> [z|k] y y' t; rewrite /f; case: ifP => _; rewrite ?subrr ?mulr0 ?addr0 //.
    by rewrite !neuronD line_mulE addrA; congr (_ + _ * _); rewrite opprD addrACA subrr add0r.
  by rewrite !planeD line_mulE addrA; congr (_ + _ * _); rewrite opprD addrACA subrr add0r.
- move=> [z|k]; rewrite /f; last first.
    case: eqP => [_|/eqP kj]; first by exists 0; rewrite ?oner_neq0 // /L mulmx0 mxE.
    case: (eqVneq (plane k x) 0) => [pk|pk]; last by exists 0; rewrite ?addr0 // /L mulmx0 mxE.
    exists (col k X); first by rewrite /L W1col eq_sym (negbTE kj).
    by rewrite planeD pk add0r W1col eqxx oner_neq0.
  case sz: (special z); first by exists 0; rewrite ?oner_neq0 // /L mulmx0 mxE.
  move/negbT: sz; rewrite negb_and => /orP[ne|nx]; last by exists 0; rewrite ?addr0 // /L mulmx0 mxE.
  case: (eqVneq (neuron z x) 0) => [nx|nx]; last by exists 0; rewrite ?addr0 // /L mulmx0 mxE.
  have [i ni] : exists i, al z 0 i != lam z * W1 j i.
    apply/existsP; rewrite -negb_forall; apply: contra ne => /forallP h; apply/eqP/rowP => i.
    by rewrite (eqP (h i)) !mxE.
  exists (delta_mx i 0 - W1 j i *: v).
    by rewrite /L sub_scaleE W1col eqxx mulr1 -colE mxE subrr.
  by rewrite neuronD nx add0r sub_scaleE -/(lam z) -colE mxE subr_eq0 mulrC.
pose p := x + y.
have special_p z : special z -> neuron z p = 0.
  by move=> /andP[/eqP az /eqP nx]; rewrite neuronD nx add0r az scale_mulE row_mulE Ly mulr0.
have plane_p : plane j p = 0 by rewrite planeD xj Ly addr0.
have [t1 t10 ht1] : exists2 t, 0 < t & forall t', 0 < t' <= t -> forall z, ~~ special z -> `|t' * lam z| < `|neuron z p|.
  apply: (@common _ _ (fun z t => ~~ special z -> `|t * lam z| < `|neuron z p|)) => z.
  case: (boolP (special z)) => [_|ns]; first by exists 1; rewrite ?ltr01.
  have nz : 0 < `|neuron z p| by rewrite normr_gt0; have := fy (inl z); rewrite /f (negbTE ns).
  by have [t t0 ht] := scaled_small (lam z) nz; exists t => // t' /ht.
have [t2 t20 ht2] := near_scale v (divr_gt0 r0 (ltr0Sn _ 1)).
pose t := Num.min t1 t2; have t0 : 0 < t by rewrite lt_min t10.
have tt1 : 0 < t <= t1 by rewrite t0 ge_min lexx.
have tt2 : 0 < t <= t2 by rewrite t0 ge_min lexx orbT.
have r2 : r = r / 2%:R + r / 2%:R by rewrite -mulr2n -mulr_natr divfK // pnatr_eq0.
have yr' y' : near (r / 2%:R) y' -> near r (y + y') by move=> h; have := nearD yr h; rewrite -r2.
have tv := ht2 t tt2; have ntv : near (r / 2%:R) (- (t *: v)) by move=> i; rewrite mxE normrN; exact: tv.
have at0 := same y (nearW _ yr); have atp := same _ (yr' _ tv); have atm := same _ (yr' _ ntv).
have half : r / 2%:R <= r by rewrite [X in _ <= X]r2 lerDl divr_ge0 ?ler0n // ltW.
have {at0}/(_ half) at0 := at0.
move: at0 atp atm; rewrite !addrA -/p => at0 atp atm.
clearbody p; have sum0 (I : finType) (F G H : I -> R) (c : I -> R) : \sum_i c i * F i + \sum_i c i * G i - (\sum_i c i * H i + \sum_i c i * H i) =
    \sum_i c i * (F i + G i - (H i + H i)).
  by rewrite -!big_split -sumrB /=; apply: eq_bigr => i _; rewrite mulrBr !mulrDr.
have left : \sum_z s z * (relu (neuron z (p + t *: v)) + relu (neuron z (p - t *: v)) - (relu (neuron z p) + relu (neuron z p))) =
    \sum_k w2 k * (relu (plane k (p + t *: v)) + relu (plane k (p - t *: v)) - (relu (plane k p) + relu (plane k p))).
  rewrite -!sum0; move: at0 atp atm => /(canRL (addrK _))-> /(canRL (addrK _))-> /(canRL (addrK _))->.
  by ring.
have right : \sum_k w2 k * (relu (plane k (p + t *: v)) + relu (plane k (p - t *: v)) - (relu (plane k p) + relu (plane k p))) = w2 j * t.
  rewrite (bigD1 j) //= big1 ?addr0 => [|k kj].
    rewrite -scaleNr !planeD !mul_scaleE W1col eqxx !mulr1 plane_p !add0r second_difference0.
    by rewrite gtr0_norm // /relu maxxx addr0 subr0.
  by rewrite -scaleNr !planeD !mul_scaleE W1col (negbTE kj) !mulr0 !addr0 subrr mulr0.
have [z] : exists z, special z && (s z * `|t * lam z| != 0).
  apply/existsP; rewrite -[X in is_true X]negbK negb_exists; apply/negP => /forallP none.
  have : w2 j * t = 0.
    rewrite -right -left big1 // => z _; rewrite -scaleNr !neuronD !mul_scaleE -/(lam z) mulNr.
    case: (boolP (special z)) => sz.
      rewrite special_p // !add0r second_difference0 /relu maxxx addr0 subr0.
      by have := none z; rewrite sz /= negbK => /eqP.
    by rewrite second_difference ?subrr ?mulr0 //; exact: ht1.
  by apply/eqP; rewrite mulf_neq0 ?w20 // gt_eqF.
move=> /andP[/andP[/eqP az _]]; rewrite mulf_eq0 negb_or normr_eq0 mulf_eq0 negb_or => /and3P[sz _ lz].
by exists z; split.
Qed.

(* one neuron of its own for every hyperplane *)
Theorem kinks_needed (x : 'I_n -> 'cV[R]_d) (r : R) : 0 < r -> (forall j, plane j (x j) = 0) ->
  (forall j y, near r y ->
    \sum_z s z * relu (neuron z (x j + y)) + e = \sum_k w2 k * relu (plane k (x j + y)) + b2) ->
  exists c : 'I_n -> 'I_m, injective c /\ forall j, s (c j) != 0.
Proof.
move=> r0 xj same.
have [c hc] : exists c : 'I_n -> 'I_m, forall j, [/\ s (c j) != 0, (al (c j) *m col j X) 0 0 != 0 &
    al (c j) = (al (c j) *m col j X) 0 0 *: row j W1].
  apply: (@fin_all_exists _ _ (fun j z => [/\ s z != 0, (al z *m col j X) 0 0 != 0 &
    al z = (al z *m col j X) 0 0 *: row j W1])) => j.
  exact: kink_needed r0 (xj j) (same j).
exists c; split=> [j k e'|j]; last by have [] := hc j.
have [_ nj aj] := hc j; have [_ nk ak] := hc k; apply/eqP; apply: contraNT nj => jk.
have kj : (k == j) = false by rewrite eq_sym (negbTE jk).
by rewrite e' ak scale_mulE row_mulE W1col kj mulr0.
Qed.
End Near.
