(* Theorem 2.3: one hidden layer H between inputs I and one output, both layers masked.                              *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction exact_laws.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section OneHiddenLayer.
Variables (R : realFieldType) (I H : finType).
Local Notation mask := {ffun [finType of (H * I) + H] -> bool}.
Implicit Type m : mask.

Definition net1 (act1 act2 : R -> R) (u : H -> I -> R) (c a : H -> R) (e : R) (x : I -> R) : R :=
  act2 (\sum_h a h * act1 (\sum_i u h i * x i + c h) + e).
Definition on_mask m (u : H -> I -> R) (a : H -> R) : Prop :=
  (forall h i, ~~ m (inl (h, i)) -> u h i = 0) /\ (forall h, ~~ m (inr h) -> a h = 0).
Definition represented1 act1 act2 (box : (I -> R) -> Prop) (f : (I -> R) -> R) m : Prop :=
  exists u c a e, on_mask m u a /\ forall x, box x -> net1 act1 act2 u c a e x = f x.

(* f really depends on every input, on the box *)
Definition essential (box : (I -> R) -> Prop) (f : (I -> R) -> R) : Prop :=
  forall i, exists x x', [/\ box x, box x', forall j, j != i -> x j = x' j & f x != f x'].

Lemma blind m act1 act2 u c a e i x x' : on_mask m u a ->
  ~~ [exists h, m (inl (h, i)) && m (inr h)] -> (forall j, j != i -> x j = x' j) ->
  net1 act1 act2 u c a e x = net1 act1 act2 u c a e x'.
Proof.
move=> [hu ha] np ex; rewrite /net1; congr (act2 (_ + _)); apply: eq_bigr => h _.
case: (boolP (m (inr h))) => [mh|/ha->]; last by rewrite !mul0r.
have n1 : ~~ m (inl (h, i)) by apply/negP => m1; case/negP: np; apply/existsP; exists h; rewrite m1 mh.
congr (_ * act1 (_ + _)); apply: eq_bigr => j _.
by case: (eqVneq j i) => [->|/ex->] //; rewrite (hu _ _ n1) !mul0r.
Qed.

(* every activation, every target that depends on its inputs *)
Theorem path_needed act1 act2 box f m : essential box f -> represented1 act1 act2 box f m -> every_input m.
Proof.
move=> ess [u [c [a [e [om eqf]]]]]; apply/forallP => i; apply: contraT => np.
have [x [x' [bx bx' ex /eqP[]]]] := ess i.
by rewrite -!eqf //; apply: blind om np ex.
Qed.

Variables (p1 p2 : R).
Hypotheses (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1).
Local Notation P := (Pr (two_layers p1 p2)).

Let P01 (e : (H * I) + H) : 0 <= two_layers p1 p2 e <= 1. Proof. by case: e. Qed.

Lemma first_layer_only : P (@every_input I H) <= (1 - (1 - p1) ^+ #|H|) ^+ #|I|.
Proof.
apply: (@le_trans _ _ (P (fun m => [forall i, exists e, (if e is inl x then x.2 == i else false) && m e]))).
  apply: le_Pr => // m /forallP h; apply/forallP => i; have /existsP[k /andP[mk _]] := h i.
  by apply/existsP; exists (inl (k, i)); rewrite /= eqxx.
pose grp (e : [finType of (H * I) + H]) : option I := if e is inl x then Some x.2 else None.
pose A (o : option I) (m : mask) := if o is Some i then [exists e, (if e is inl x then x.2 == i else false) && m e] else true.
rewrite (eq_Pr _ (A' := fun m => [forall o, A o m])); last first.
  move=> m; apply/forallP/forallP => [h [i|] //|h i]; [exact: (h i)|exact: (h (Some i))].
rewrite (Pr_blocks _ (grp := grp)); last first.
  move=> [i|] m m' e //; apply: eq_existsb => -[x|h] //=; case: eqP => //= xi; rewrite e //=; by rewrite xi.
rewrite (bigID (pred1 None)) /= big_pred1_eq [X in X * _](_ : _ = 1) ?mul1r; last exact: Ex_cst.
rewrite (reindex_omap Some id) /=; last by case.
rewrite (eq_bigl predT) => [|i]; last by rewrite /= eqxx.
rewrite (eq_bigr (fun=> 1 - (1 - p1) ^+ #|H|)) => [|i _]; first by rewrite prodr_const.
rewrite (Pr_hit _ (fun e => if e is inl x then x.2 == i else false)); congr (1 - _).
rewrite big_sumType /= [X in _ * X]big_pred0 // mulr1 prodr_const; congr (_ ^+ _).
have gi : injective (fun h : H => (h, i)) by move=> h h' [].
rewrite -cardsT -(card_imset _ gi); apply: eq_card => -[h j]; rewrite unfold_in /=.
by apply/eqP/imsetP => [->|[h' _ [_ ->]]] //; exists h.
Qed.

(* Theorem 2.3 as printed (necessary), for every activation *)
Theorem theorem23 act1 act2 box f (rep : pred mask) (delta : R) : essential box f ->
  (forall m, rep m -> represented1 act1 act2 box f m) ->
  (1 - (1 - p1) ^+ #|H|) ^+ #|I| < 1 - delta -> P rep < 1 - delta.
Proof.
move=> ess repP; apply: le_lt_trans; apply: le_trans first_layer_only.
by apply: le_Pr => // m /repP; exact: path_needed.
Qed.

(* --- a ReLU target with a ReLU at the output ("convention A") ---------------------------------------------------- *)
Variables (w : I -> R) (b : R) (lo hi : I -> R).
Definition in_box (x : I -> R) : Prop := forall i, lo i <= x i <= hi i.
Definition neuron (x : I -> R) : R := relu (\sum_i w i * x i + b).

Theorem path_enough m : every_input m -> represented1 relu relu in_box neuron m.
Proof.
move=> /forallP paths.
pose pick_h i := xchoose (existsP (paths i)).
have pickP i : m (inl (pick_h i, i)) && m (inr (pick_h i)) := xchooseP (existsP (paths i)).
pose u h i : R := if pick_h i == h then w i else 0.
pose low h := \sum_i Num.min (u h i * lo i) (u h i * hi i).
pose a h : R := (m (inr h))%:R.
exists u, (fun h => - low h), a, (b + \sum_h a h * low h); split.
  split=> [h i n|h n]; last by rewrite /a (negbTE n).
  by rewrite /u; case: eqP => // e; move: n; rewrite -e; case/andP: (pickP i) => ->.
move=> x bx; rewrite /net1 /neuron; congr relu.
have nn h : low h <= \sum_i u h i * x i.
  apply: ler_sum => i _; have /andP[x0 x1] := bx i.
  rewrite /u; case: eqP => _; last by rewrite !mul0r minxx.
  case: (lerP 0 (w i)) => wi; rewrite ge_min; apply/orP; [left|right].
    exact: ler_wpM2l.
  by rewrite ler_nM2l.
have -> : \sum_h a h * relu (\sum_i u h i * x i - low h) = \sum_h a h * (\sum_i u h i * x i) - \sum_h a h * low h.
  by rewrite -sumrB; apply: eq_bigr => h _; rewrite relu_id ?subr_ge0 // mulrBr.
have -> : \sum_h a h * (\sum_i u h i * x i) = \sum_i w i * x i; last by ring.
under eq_bigr do rewrite mulr_sumr.
rewrite exchange_big; apply: eq_bigr => i _ /=.
rewrite (bigD1 (pick_h i)) //= big1 ?addr0 => [|h /negbTE n]; last by rewrite /u eq_sym n mul0r mulr0.
by rewrite /u eqxx /a; case/andP: (pickP i) => _ ->; rewrite mul1r.
Qed.

Hypothesis w0 : forall i, w i != 0.
Hypothesis proper : forall i, lo i < hi i.

Lemma active_essential : (exists2 x, in_box x & 0 < \sum_i w i * x i + b) -> essential in_box neuron.
Proof.
move=> [x bx xp] i; set eta := (\sum_i w i * x i + b) in xp.
have [y /andP[yl yh] yx] : exists2 y, lo i <= y <= hi i & y != x i.
  case: (eqVneq (lo i) (x i)) => e; last by exists (lo i); rewrite ?lexx ?ltW.
  exists (hi i); rewrite ?lexx ?ltW //= -e; by have := proper i; rewrite lt_neqAle eq_sym => /andP[].
pose g := `|w i * (y - x i)| + eta.
have g0 : 0 < g by rewrite ltr_pwDr.
pose s := eta / g / 2%:R.
have s0 : 0 < s by rewrite !divr_gt0 ?ltr0n.
have s1 : s <= 1.
  rewrite /s ler_pdivrMr ?ltr0n // mul1r ler_pdivrMr //.
  have : eta <= g by rewrite /g lerDr.
  by move=> h; apply: le_trans h _; rewrite mulr_natl mulr2n lerDl ltW.
pose x' j := if j == i then x i + s * (y - x i) else x j.
have val : \sum_j w j * x' j + b = eta + s * (w i * (y - x i)).
  rewrite /eta (bigD1 i) //= [in RHS](bigD1 i) //= {1}/x' eqxx.
  have -> : \sum_(j | j != i) w j * x' j = \sum_(j | j != i) w j * x j.
    by apply: eq_bigr => j /negbTE n; rewrite /x' n.
  have alg (A r v z y' b' : R) : v * (z + r * (y' - z)) + A + b' = v * z + A + b' + r * (v * (y' - z)) by ring.
  exact: alg.
have vp : 0 < eta + s * (w i * (y - x i)).
  have : - `|w i * (y - x i)| <= w i * (y - x i) by rewrite lerNl -normrN ler_norm.
  move=> h; apply: (@lt_le_trans _ _ (eta - s * `|w i * (y - x i)|)); last by rewrite -mulrN lerD2l ler_wpM2l // ltW.
  rewrite subr_gt0; apply: (@le_lt_trans _ _ (s * g)); first by rewrite ler_wpM2l ?(ltW s0) // lerDl ltW.
  by rewrite /s mulrAC divfK ?gt_eqF // ltr_pdivrMr ?ltr0n // mulr_natr mulr2n ltrDl.
exists x, x'; split=> //.
- move=> j; rewrite /x'; case: (eqVneq j i) => [->|_] //; have /andP[xl xh] := bx i.
  have -> : x i + s * (y - x i) = (1 - s) * x i + s * y by ring.
  have e c : c = (1 - s) * c + s * c by ring.
  have s1' : 0 <= 1 - s by rewrite subr_ge0.
  by rewrite [lo i]e [X in _ && (_ <= X)]e !lerD // ler_wpM2l // ltW.
- by move=> j /negbTE n; rewrite /x' n.
rewrite /neuron val -/eta !relu_id ?ltW // -subr_eq0 opprD addrA subrr add0r oppr_eq0.
by apply: mulf_neq0; [rewrite gt_eqF|apply: mulf_neq0; rewrite ?w0 ?subr_eq0].
Qed.

(* the exact probability: representable if and only if every input has a path *)
Theorem exact23A (rep : pred mask) : (exists2 x, in_box x & 0 < \sum_i w i * x i + b) ->
  (forall m, reflect (represented1 relu relu in_box neuron m) (rep m)) ->
  P rep = \sum_(k < #|H|.+1) bin_mass p2 #|H| k * (1 - (1 - p1) ^+ k) ^+ #|I|.
Proof.
move=> act repP; rewrite -law23A; apply: eq_Pr => m; apply/repP/idP => [|h].
  exact/path_needed/active_essential.
exact: path_enough.
Qed.

(* --- a ReLU target, linear output ("convention B"): mixed differences -------------------------------------------- *)
Section MixedDifference.
Variables (y t : I -> R).
Definition corner (S : {set I}) (i : I) : R := y i + (i \in S)%:R * t i.
Definition mixed (g : (I -> R) -> R) : R := \sum_(S : {set I}) (-1) ^+ #|S| * g (corner S).

Definition flip i (S : {set I}) : {set I} := if i \in S then S :\ i else i |: S.

Lemma flipK i : involutive (flip i).
Proof.
move=> S; rewrite /flip; case: (boolP (i \in S)) => iS; first by rewrite !inE eqxx /= setD1K.
by rewrite setU11 setU1K.
Qed.

Lemma mixed_blind g i : (forall x x', (forall j, j != i -> x j = x' j) -> g x = g x') -> mixed g = 0.
Proof.
move=> gi; suff h : mixed g = - mixed g.
  have dbl : mixed g *+ 2 == 0 by rewrite mulr2n {1}h addNr.
  by apply/eqP; rewrite mulrn_eq0 in dbl.
rewrite {1}/mixed (reindex_inj (inv_inj (@flipK i))) /= /mixed -sumrN; apply: eq_bigr => S _.
have -> : g (corner (flip i S)) = g (corner S).
  apply: gi => j /negbTE n; rewrite /corner /flip; case: ifP => _; by rewrite !inE n.
rewrite -mulNr; congr (_ * _); rewrite /flip; case: (boolP (i \in S)) => iS.
  by rewrite (cardsD1 i S) iS exprS mulN1r opprK.
by rewrite cardsU1 iS exprS mulN1r.
Qed.
End MixedDifference.

Theorem full_neuron_needed act m : (0 < #|I|)%N ->
  (exists2 z, forall i, lo i < z i < hi i & \sum_i w i * z i + b = 0) ->
  represented1 act id in_box neuron m -> full_neuron m.
Proof.
move=> d0 [z zin z0] [u [c [a [e [om eqf]]]]].
apply: contraT => nf.
pose marg i := `|w i| * Num.min (z i - lo i) (hi i - z i).
have m0 i : 0 < marg i.
  have /andP[zl zh] := zin i.
  by rewrite mulr_gt0 ?normr_gt0 // lt_min !subr_gt0 zl.
have [i0 _] : exists i : I, i \in I by apply/card_gt0P.
pose tot := \sum_i (marg i)^-1.
have tot0 : 0 < tot.
  by rewrite /tot (bigD1 i0) //= ltr_pwDl ?invr_gt0 // sumr_ge0 // => i _; rewrite invr_ge0 ltW.
pose cc := tot^-1.
have cc0 : 0 < cc by rewrite invr_gt0.
have ccm i : cc <= marg i.
  rewrite -[marg i]invrK lef_pV2 ?posrE ?invr_gt0 //.
  by rewrite /tot (bigD1 i) //= lerDl sumr_ge0 // => j _; rewrite invr_ge0 ltW.
pose d : R := #|I|%:R.
have dp : 0 < d by rewrite ltr0n.
pose y i := z i - (d - 1) / d * (cc / w i).
pose t i := cc / w i.
have val S : \sum_i w i * corner y t S i + b = (#|S|%:R - d + 1) * cc.
  have -> : \sum_i w i * corner y t S i = \sum_i w i * z i - \sum_(i : I) (d - 1) / d * cc + \sum_i (i \in S)%:R * cc.
    rewrite -sumrB -big_split /=; apply: eq_bigr => i _; rewrite /corner /y /t.
    by move: (w0 i) => wi; field; rewrite wi gt_eqF.
  rewrite sumr_const -mulr_suml -mulr_natl -/d.
  have -> : \sum_i (i \in S)%:R = #|S|%:R :> R by rewrite -[RHS]/(1 *+ #|S|) -sumr_const [RHS]big_mkcond /=; apply: eq_bigr => i _; case: (i \in S).
  have -> : \sum_i w i * z i = - b by apply/eqP; rewrite -addr_eq0 z0.
  by field; rewrite gt_eqF.
have alg1 (u1 u2 : R) : u1 - (d - 1) / d * u2 + 1 * u2 = u1 + d^-1 * u2 by field; rewrite gt_eqF.
have alg2 (u1 u2 : R) : u1 - (d - 1) / d * u2 + 0 * u2 = u1 + - ((d - 1) / d) * u2 by ring.
have inb S : in_box (corner y t S).
  move=> i; have /andP[zl zh] := zin i.
  have tm : `|t i| <= Num.min (z i - lo i) (hi i - z i).
    rewrite /t normf_div (ger0_norm (ltW cc0)) ler_pdivrMr ?normr_gt0 // mulrC; exact: ccm.
  have : exists2 r, -1 <= r <= 1 & corner y t S i = z i + r * t i.
    case: (boolP (i \in S)) => iS.
      exists (d^-1); last by rewrite /corner iS; exact: alg1.
      rewrite (le_trans (y := 0)) ?invr_ge0 ?(ltW dp) ?lerN10 //=.
      by rewrite invf_le1 // /d ler1n.
    exists (- ((d - 1) / d)); last by rewrite /corner (negbTE iS); exact: alg2.
    have d1 : 1 <= d by rewrite /d ler1n.
    rewrite lerN2 ler_pdivrMr // mul1r lerBlDr lerDl ler01 /=.
    by rewrite lerNl (le_trans (y := 0)) ?lerN10 // divr_ge0 ?subr_ge0 ?(ltW dp).
  move=> [r /andP[r1 r2] ->].
  have rt : `|r * t i| <= Num.min (z i - lo i) (hi i - z i).
    by rewrite normrM; apply: le_trans tm; rewrite ler_piMl // ler_norml r1.
  move: rt; rewrite le_min !ler_norml => /andP[/andP[a1 _] /andP[_ a2]].
  by rewrite -lerBlDl (le_trans _ a1) ?opprB ?lexx //= -lerBrDl.
have D0 : mixed y t (net1 act id u c a e) = 0.
  have -> : mixed y t (net1 act id u c a e) =
      \sum_h mixed y t (fun x => a h * act (\sum_i u h i * x i + c h)) + mixed y t (fun=> e).
    rewrite /mixed exchange_big -big_split /=; apply: eq_bigr => S _.
    by rewrite /net1 mulrDr mulr_sumr.
  rewrite (@mixed_blind _ _ (fun=> e) i0) // addr0 big1 // => h _.
  have := nf; rewrite /full_neuron negb_exists => /forallP/(_ h); rewrite negb_and => /orP[mh|].
    by apply: (@mixed_blind _ _ _ i0) => x x' _; rewrite (om.2 h mh) !mul0r.
  rewrite negb_forall => /existsP[i mi]; apply: (@mixed_blind _ _ _ i) => x x' ex.
  congr (_ * act (_ + _)); apply: eq_bigr => j _.
  by case: (eqVneq j i) => [->|/ex->] //; rewrite (om.1 h i mi) !mul0r.
have : mixed y t neuron = (-1) ^+ #|I| * cc.
  rewrite /mixed (bigD1 setT) //= big1 => [|S nS].
    rewrite addr0 cardsT /neuron val cardsT -/d subrr add0r mul1r relu_id //; exact: ltW.
  rewrite /neuron val /relu max_l ?mulr0 //.
  have lt : (#|S| < #|I|)%N by rewrite -cardsT proper_card // properT.
  by rewrite pmulr_lle0 // addrAC subr_le0 -[#|S|%:R + 1]mulrSr /d ler_nat.
have -> : mixed y t neuron = mixed y t (net1 act id u c a e).
  by apply: eq_bigr => S _; rewrite eqf.
rewrite D0 => /eqP; rewrite eq_sym mulf_eq0 (gt_eqF cc0) orbF signr_eq0.
by [].
Qed.

Theorem full_neuron_enough m : full_neuron m -> represented1 relu id in_box neuron m.
Proof.
move=> /existsP[h /andP[mh /forallP mi]].
exists (fun h' i => if h' == h then w i else 0), (fun=> b), (fun h' => (h' == h)%:R), 0; split.
  split=> [h' i|h']; case: eqP => [->|_] //; by rewrite ?mi ?mh.
move=> x _; rewrite /net1 /neuron addr0 (bigD1 h) //= eqxx mul1r [X in _ + X]big1 ?addr0 // => h' /negbTE->.
by rewrite mul0r.
Qed.

Theorem exact23B (rep : pred mask) : (0 < #|I|)%N ->
  (exists2 z, forall i, lo i < z i < hi i & \sum_i w i * z i + b = 0) ->
  (forall m, reflect (represented1 relu id in_box neuron m) (rep m)) ->
  P rep = 1 - (1 - p2 * p1 ^+ #|I|) ^+ #|H|.
Proof.
move=> d0 zin repP; rewrite -law23B; apply: eq_Pr => m; apply/repP/idP => [|h].
  exact: full_neuron_needed.
exact: full_neuron_enough.
Qed.

End OneHiddenLayer.
