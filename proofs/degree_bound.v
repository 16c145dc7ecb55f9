(* The degree bound: every output needs as many neighbours in layer 1 as the target has hidden neurons, unless layer 0 *)
(* has dense rows. A chamber is a place around points of all hyperplanes on which layer 0 is affine.                   *)
From mathcomp Require Import all_ssreflect all_algebra.
From ERProofs Require Import names bernoulli exact_laws factored factored_law factored_network one_hidden_layer kinks.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Lemma same_sign (R : realFieldType) (a b : R) : `|b| < `|a| -> relu (a + b) = if 0 < a then a + b else 0.
Proof.
rewrite /relu; case: (ltrP 0 a) => a0.
  rewrite (gtr0_norm a0) ltr_norml => /andP[ba _]; by rewrite max_r // -lerBlDl sub0r ltW.
by rewrite (ler0_norm a0) ltr_norml => /andP[_ b_a]; rewrite max_l // -lerBrDl sub0r ltW.
Qed.

Section Degree.
Variables (R : realFieldType) (d N0 N1 n : nat) (O : finType).
Variables (W1 : 'M[R]_(n, d)) (W2 : O -> 'I_n -> R) (b1 : 'I_n -> R) (b2 : O -> R) (box : 'cV[R]_d -> Prop).
Local Notation low := (low d N0 N1).
Local Notation top := (top N1 O).
Local Notation mask := {ffun [finType of low + top] -> bool}.
Local Notation represented := (represented (N0 := N0) (N1 := N1) (@relu R) W1 W2 b1 b2 box).
Implicit Types (a : {ffun low -> bool}) (w : mask).

(* independent hyperplanes that meet inside the box, and outputs that read all of them *)
Variables (X : 'M[R]_(d, n)) (z0 : 'cV[R]_d) (r0 : R).
Hypotheses (W1X : W1 *m X = 1%:M) (W20 : forall o j, W2 o j != 0).
Hypotheses (r00 : 0 < r0) (meet : forall j, plane W1 b1 j z0 = 0) (inside : forall y, near r0 y -> box (z0 + y)).

(* a direction without zeros along which no kink through all hyperplanes is crossed, whatever the weights on the mask *)
Definition open_to a : Prop := exists v : 'cV[R]_n, (forall j, v j 0 != 0) /\
  forall u (s : 'rV[R]_n), (forall i, ~~ a (inr (u, i)) -> (s *m W1) 0 i = 0) -> (s *m v) 0 0 = 0.

Lemma chamber (B : 'M[R]_(N0, d)) (c0 : 'cV[R]_N0) a : (forall y i, ~~ a (inr (y, i)) -> B y i = 0) -> open_to a ->
  exists (D : 'I_N0 -> bool) (x : 'I_n -> 'cV[R]_d) (r : R),
    [/\ 0 < r, forall j, plane W1 b1 j (x j) = 0, forall j y, near r y -> box (x j + y)
      & forall j y u, near r y -> relu ((B *m (x j + y) + c0) u 0) = if D u then (B *m (x j + y) + c0) u 0 else 0].
Proof.
move=> oB [v [v0 hv]].
pose k u (x : 'cV[R]_d) := (B *m x + c0) u 0.
have kD u x y : k u (x + y) = k u x + (B *m y) u 0 by rewrite /k mulmxDr addrAC mxE.
pose sv u : 'rV[R]_n := row u B *m X.
pose sp u := (row u B <= W1)%MS && (k u z0 == 0).
have spB u (y : 'cV[R]_d) : sp u -> (B *m y) u 0 = (sv u *m (W1 *m y)) 0 0.
  move=> /andP[/submxP[C eC] _]; rewrite /sv eC -[C *m W1 *m X]mulmxA W1X mulmx1 mulmxA -eC -row_mul.
  by rewrite [RHS]mxE.
(* a common point off all kinks that do not contain all common points *)
pose f u (y : 'cV[R]_d) : R := if sp u then 1 else k u (z0 + y).
have r02 : 0 < r0 / 2%:R by rewrite divr_gt0 ?ltr0n.
have [||||y1 [W1y1 y1r fy1]] := @avoid _ _ _ f (fun y => W1 *m y = 0) _ r02.
- by rewrite mulmx0.
- by move=> y y' t h h'; rewrite mulmxDr -scalemxAr mulmxBr h h' subr0 scaler0 addr0.
- move=> u y y' t; rewrite /f; case: ifP => _; first by rewrite subrr mulr0 addr0.
  by rewrite !kD line_mulE addrA; congr (_ + _ * _); rewrite opprD addrACA subrr add0r.
- move=> u; rewrite /f /sp; case: (eqVneq (k u z0) 0) => [ku|ku]; last first.
    by exists 0; rewrite ?mulmx0 // andbF addr0.
  case: (boolP (row u B <= W1)%MS) => [_|]; first by exists 0; rewrite ?mulmx0 ?oner_neq0.
  rewrite submxE => ne; have [q nq] : exists q, (row u B *m cokermx W1) 0 q != 0.
    apply/existsP; rewrite -negb_forall; apply: contra ne => /forallP h; apply/eqP/rowP => q.
    by rewrite (eqP (h q)) mxE.
  exists (col q (cokermx W1)); first by rewrite colE mulmxA mulmx_coker mul0mx.
  by rewrite /= kD ku add0r colE mulmxA -colE mxE; move: nq; rewrite -row_mul mxE.
pose z := z0 + y1.
have kz u : sp u -> k u z = 0.
  by move=> su; rewrite kD spB // W1y1 mulmx0 mxE addr0; case/andP: su => _ /eqP.
have kz0 u : ~~ sp u -> 0 < `|k u z| by move=> su; rewrite normr_gt0; have := fy1 u; rewrite /f (negbTE su).
have planez j : plane W1 b1 j z = 0 by rewrite planeD meet W1y1 mxE addr0.
(* how far no other kink is met *)
have [t [t0 tr ht]] : exists t, [/\ 0 < t, t <= r0 / 2%:R &
    forall u, ~~ sp u -> forall y, near t y -> `|(B *m y) u 0| < `|k u z|].
  have [t t0 ht] : exists2 t, 0 < t & forall t', 0 < t' <= t ->
      forall u, ~~ sp u -> forall y, near t' y -> `|(B *m y) u 0| < `|k u z|.
    apply: common => u; case: (boolP (sp u)) => [_|/kz0 h]; first by exists 1; rewrite ?ltr01.
    have [t t0 ht] := mulmx_near B h; exists t => // t' /ht near_t _ y /near_t; exact.
  exists (Num.min t (r0 / 2%:R)); rewrite lt_min t0 r02 ge_min lexx orbT; split=> //.
  by apply: ht; rewrite lt_min t0 r02 ge_min lexx.
have t2 : 0 < t / 2%:R by rewrite divr_gt0 ?ltr0n.
(* from a generic point along v to each hyperplane *)
pose C j : 'M[R]_n := 1%:M - (v j 0)^-1 *: (v *m delta_mx 0 j).
have CE j (y : 'cV[R]_n) : C j *m y = y - (y j 0 / v j 0) *: v.
  rewrite mulmxBl mul1mx -scalemxAl -mulmxA -rowE; congr (_ - _); apply/matrixP => i i'.
  by rewrite !mxE big_ord_recl big_ord0 addr0 !mxE !ord1 mulrA [_ / _]mulrC -!mulrA; congr (_ * _); rewrite mulrC.
have [rho rho0 hrho] : exists2 t', 0 < t' & forall t'', 0 < t'' <= t' -> forall j y, near t'' y -> near (t / 2%:R) (X *m (C j *m y)).
  apply: common => j; have [t' t'0 ht'] := mulmx_near (X *m C j) t2.
  by exists t' => // t'' /ht' h y /h; rewrite mulmxA.
pose g u (y : 'cV[R]_n) : R := if sp u && (sv u != 0) then (sv u *m y) 0 0 else 1.
have [//|//|||y0 [_ y0r gy0]] := @avoid _ _ _ g (fun=> True) _ rho0.
- move=> u y y' c; rewrite /g; case: ifP => _; last by rewrite subrr mulr0 addr0.
  exact: line_mulE.
- move=> u; rewrite /g; case su: (sp u && (sv u != 0)); last by exists 0; rewrite ?oner_neq0.
  have /andP[_ ne] := su.
  have [q nq] : exists q, sv u 0 q != 0.
    apply/existsP; rewrite -negb_forall; apply: contra ne => /forallP h; apply/eqP/rowP => q.
    by rewrite (eqP (h q)) mxE.
  by exists (delta_mx q 0); rewrite // -colE mxE.
have [t3 t30 ht3] : exists2 t', 0 < t' & forall t'', 0 < t'' <= t' ->
    forall u, sp u && (sv u != 0) -> forall y, near t'' y -> `|(B *m y) u 0| < `|(sv u *m y0) 0 0|.
  apply: common => u; case: (boolP (sp u && (sv u != 0))) => [su|_]; last by exists 1; rewrite ?ltr01.
  have h : 0 < `|(sv u *m y0) 0 0| by rewrite normr_gt0; have := gy0 u; rewrite /g su.
  by have [t' t'0 ht'] := mulmx_near B h; exists t' => // t'' /ht' near_t _ y /near_t; exact.
pose r := Num.min (t / 2%:R) t3.
have rr : 0 < r by rewrite lt_min t2.
pose x j := z + X *m (C j *m y0).
have xr j y : near r y -> near t (X *m (C j *m y0) + y).
  move=> yr; have -> : t = t / 2%:R + t / 2%:R by rewrite -mulr2n -mulr_natr divfK // pnatr_eq0.
  apply: nearD; first by apply: (hrho rho) => //; rewrite rho0 lexx.
  by apply: nearW yr; rewrite ge_min lexx.
exists (fun u => if sp u then 0 < (sv u *m y0) 0 0 else 0 < k u z), x, r; split=> // [j|j y yr|j y u yr].
- by rewrite planeD planez add0r mulmxA W1X mul1mx CE !mxE divfK ?subrr.
- rewrite /x /z -!addrA; apply: inside.
  have -> : r0 = r0 / 2%:R + r0 / 2%:R by rewrite -mulr2n -mulr_natr divfK // pnatr_eq0.
  by apply: nearD => //; apply: nearW tr _; exact: xr.
rewrite -/(k u (x j + y)) /x -addrA kD; case: (boolP (sp u)) => su; last first.
  by rewrite same_sign //; apply: ht => //; exact: xr.
have sv0 : (sv u *m v) 0 0 = 0.
  apply: (hv u) => i na; case/andP: (su) => /submxP[c ec] _.
  by rewrite /sv ec -[c *m W1 *m X]mulmxA W1X mulmx1 -ec mxE oB.
have -> : (B *m (X *m (C j *m y0) + y)) u 0 = (sv u *m y0) 0 0 + (B *m y) u 0.
  rewrite mulmxDr [LHS]mxE; congr (_ + _); rewrite spB //.
  by rewrite [W1 *m _]mulmxA W1X mul1mx CE sub_scaleE sv0 mulr0 subr0.
rewrite kz // add0r; case: (boolP (sv u != 0)) => [ne|].
  by rewrite same_sign //; apply: (ht3 r); rewrite ?rr ?su // ge_min lexx orbT.
rewrite negbK => /eqP s0; rewrite s0 mul0mx mxE ltxx add0r spB // s0 mul0mx mxE.
by rewrite /relu maxxx.
Qed.

Theorem degree_needed w : represented w -> open_to [ffun e => w (inl e)] ->
  forall o, (n <= #|[pred z | w (inr (o, z))]|)%N.
Proof.
move=> [B [c0 [A [c1 [s [e [oB _ os same]]]]]]] open o.
have [|D [x [r [r1 xj xb sign]]]] := @chamber B c0 _ _ open; first by move=> y i; rewrite ffunE; exact: oB.
pose BD : 'M[R]_(N0, d) := \matrix_(u, i) (if D u then B u i else 0).
pose cD : 'cV[R]_N0 := \col_u (if D u then c0 u 0 else 0).
have BDE u i : BD u i = if D u then B u i else 0 by rewrite mxE.
have cDE u : cD u 0 = if D u then c0 u 0 else 0 by rewrite mxE.
have affine j y : near r y -> map_mx (@relu R) (B *m (x j + y) + c0) = BD *m (x j + y) + cD.
  move=> yr; apply/matrixP => u i; rewrite ord1 mxE sign // [in RHS]mxE cDE.
  case Du: (D u); first by rewrite mxE; congr (_ + _); rewrite !mxE; apply: eq_bigr => i' _; rewrite BDE Du.
  by rewrite addr0 mxE big1 // => i' _; rewrite BDE Du mul0r.
have [|c [ci cs]] := @kinks_needed R d n N1 W1 b1 (W2 o) (b2 o) X W1X (W20 o) (fun z => row z (A *m BD))
    (fun z => (A *m cD) z 0 + c1 z) (s o) (e o) x r r1 xj.
  move=> j y yr; rewrite -[RHS](same _ (xb j y yr) o) /source affine //; congr (_ + _); apply: eq_bigr => z _.
  congr (_ * relu _); rewrite /neuron mulmxDr mulmxA [X in _ = X + _]mxE addrA; congr (_ + _ + _).
  by rewrite -row_mul mxE.
rewrite -[n in (n <= _)%N]card_ord -(card_codom ci); apply: subset_leq_card; apply/subsetP => z /codomP[j ->].
by rewrite inE; apply: contraR (cs j) => /os->.
Qed.

Variables (p0 p1 p2 : R).
Hypotheses (h0 : 0 <= p0 <= 1) (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1).
Local Notation lower := (lower_density (d := d) (N0 := N0) (N1 := N1) p0 p1).
Local Notation P := (Pr (density (d := d) (N0 := N0) (N1 := N1) (O := O) p0 p1 p2)).

(* the chance that a binomial number is at least m *)
Definition at_least (p : R) (N m : nat) : R := \sum_(k < N.+1) bin_mass p N k * (m <= k)%N%:R.

Lemma degrees_law : P (fun w => [forall o, (n <= #|[pred z | w (inr (o, z))]|)%N]) = at_least p2 N1 n ^+ #|O|.
Proof.
pose many (u : {ffun top -> bool}) := [forall o, (n <= #|[pred z | u (o, z)]|)%N].
have ii : injective (@inr low top) by move=> e e' [].
transitivity (Pr (fun _ : top => p2) many).
  rewrite -[RHS](Ex_part (density p0 p1 p2) ii (fun u => (many u)%:R)); apply: eq_Ex => w; congr (nat_of_bool _)%:R.
  by apply: eq_forallb => o; congr (_ <= _)%N; apply: eq_card => z; rewrite !inE ffunE.
rewrite (Pr_blocks _ (grp := fst) (A := fun o u => (n <= #|[pred z | u (o, z)]|)%N)); last first.
  by move=> o u u' h; congr (_ <= _)%N; apply: eq_card => z; rewrite !inE h.
rewrite (eq_bigr (fun=> at_least p2 N1 n)) ?prodr_const // => o _.
have io : injective (fun z : 'I_N1 => (o, z) : top) by move=> z z' [].
rewrite /at_least -[in RHS](card_ord N1) -(binomial_law _ p2 (fun k => (n <= k)%N%:R)) -(Ex_part (fun _ : top => p2) io).
by apply: eq_Ex => u; congr (_ <= _)%N%:R; apply: eq_card => z; rewrite !inE ffunE.
Qed.

(* rep: any decidable event that implies that the target is represented *)
Variable rep : pred mask.
Hypothesis repP : forall w, rep w -> represented w.

Lemma evaded (evades : pred {ffun low -> bool}) : (forall a, ~~ evades a -> open_to a) ->
  P rep <= at_least p2 N1 n ^+ #|O| + Pr lower evades.
Proof.
move=> ev; have il : injective (@inl low top) by move=> e e' [].
have D01 e : 0 <= density p0 p1 p2 e <= 1 by case: e => [[]|].
rewrite -degrees_law -[Pr lower evades](Ex_part (density p0 p1 p2) il (fun a => (evades a)%:R)) -ExD.
apply: le_Ex => // w; case: (boolP (rep w)) => [/repP rw|_]; last by rewrite addr_ge0 ?ler0n.
rewrite -natrD ler1n; case: (boolP (evades _)) => [_|/ev op]; first by rewrite addnC.
by rewrite addn0 lt0b; apply/forallP => o; exact: degree_needed.
Qed.

Definition entries a (u : 'I_N0) : nat := #|[pred i | a (inr (u, i))]|.

Lemma entries_law u (F : nat -> R) : Ex lower (fun a => F (entries a u)) = \sum_(k < d.+1) bin_mass p0 d k * F k.
Proof.
have iu : injective (fun i : 'I_d => inr (u, i) : low) by move=> i i' [].
rewrite -[in RHS](card_ord d) -(binomial_law _ p0 F) -(Ex_part lower iu); apply: eq_Ex => a; congr F.
by apply: eq_card => i; rewrite !inE ffunE.
Qed.

Definition non_zeros (x : 'rV[R]_d) : nat := #|[pred i | x 0 i != 0]|.

(* no minor of size n is 0, in other words: then one row with so many entries is needed to evade *)
Theorem degree_minors : (forall s : 'rV[R]_n, s != 0 -> (d - n < non_zeros (s *m W1))%N) ->
  P rep <= at_least p2 N1 n ^+ #|O| + N0%:R * at_least p0 d (d - n).+1.
Proof.
move=> mds; have L01 e : 0 <= lower e <= 1 by case: e.
apply: le_trans (evaded (evades := fun a => [exists u, (d - n < entries a u)%N]) _) _.
  move=> a; rewrite negb_exists => /forallP few; exists (const_mx 1); split=> [j|u s on].
    by rewrite mxE oner_neq0.
  case: (eqVneq s 0) => [->|/mds]; first by rewrite mul0mx mxE.
  rewrite ltnNge => /negP[]; apply: leq_trans (_ : entries a u <= _)%N; last by rewrite leqNgt few.
  by apply: subset_leq_card; apply/subsetP => i; rewrite !inE; apply: contraR => /on->.
rewrite lerD2l; apply: le_trans (Pr_exists L01 _) _.
rewrite (eq_bigr (fun=> at_least p0 d (d - n).+1)) => [|u _]; last exact: (entries_law u (fun k => (d - n < k)%N%:R)).
by rewrite sumr_const card_ord mulr_natl.
Qed.

(* in general position: it takes rows whose entries beyond d - n add up to n *)
Definition general_position : Prop := forall a, (\sum_u (entries a u - (d - n)) < n)%N -> open_to a.

Theorem degree_general : general_position ->
  P rep <= at_least p2 N1 n ^+ #|O| + Pr lower (fun a => (n <= \sum_u (entries a u - (d - n)))%N).
Proof. by move=> gp; apply: evaded => a; rewrite -ltnNge; exact: gp. Qed.
End Degree.
