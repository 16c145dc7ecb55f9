(* Random subset sums with a mask: the explicit theorem (Theorem A'), for uniform numbers on a grid.                  *)
(* A number is k - m + u in units of 1/m: k is uniform on 0 .. 2m - 1, and the offset u in [0, 1] any number at all.  *)
(* Uniform numbers on [-1, 1] are the mixture of these over all offsets, so that what holds for each holds for them.  *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names subset_sum_step.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* n independent draws by the weights mu *)
Section Draws.
Variables (R : realFieldType) (V : finType) (mu : V -> R).

Fixpoint mean (n : nat) (f : seq V -> R) : R :=
  if n is n'.+1 then \sum_v mu v * mean n' (fun s => f (v :: s)) else f [::].

Lemma mean_tuples n f : mean n f = \sum_(t : n.-tuple V) (\prod_(v <- t) mu v) * f t.
Proof.
elim: n f => [|n IH] f /=.
  rewrite (eq_bigr (fun=> f [::])) => [|t _]; last by rewrite tuple0 big_nil mul1r.
  by rewrite sumr_const card_tuple expn0.
rewrite (reindex (fun x : V * n.-tuple V => [tuple of x.1 :: x.2])) /=; last first.
  exists (fun t : n.+1.-tuple V => (thead t, [tuple of behead t])) => [[v t] _|t _] /=.
    by congr (_, _); apply: val_inj.
  by rewrite -tuple_eta.
rewrite -(pair_bigA _ (fun v (t : n.-tuple V) => (\prod_(v' <- v :: t) mu v') * f (v :: t))) /=.
apply: eq_bigr => v _; rewrite IH mulr_sumr; apply: eq_bigr => t _.
by rewrite big_cons mulrA.
Qed.

Hypothesis mu0 : forall v, 0 <= mu v.

Lemma mean_le n f g : (forall s, size s = n -> f s <= g s) -> mean n f <= mean n g.
Proof.
elim: n f g => [|n IH] f g h /=; first exact: h.
apply: ler_sum => v _; rewrite ler_wpM2l //; apply: IH => s sn.
by apply: h; rewrite /= sn.
Qed.
End Draws.

Section Grid.
Variables (m : nat) (zeta : 'I_m).
Implicit Types (A : {set 'I_m}) (k : 'I_(m + m)).

(* the cells that are reached from A with k too, inside the window 0 .. m - 1 *)
Definition meets A k (y : 'I_m) : bool := [exists x in A, (y + m == x + k)%N].
Definition add A k : {set 'I_m} := A :|: [set y | meets A k y].

Let back (x y : 'I_m) : 'I_(m + m).
Proof.
refine (@Ordinal _ (y + m - x) _).
by rewrite (leq_ltn_trans (leq_subr _ _)) // ltn_add2r.
Defined.

Let backE (x y : 'I_m) k : (y + m == x + k)%N = (k == back x y).
Proof.
apply/eqP/eqP => [e|->]; first by apply: val_inj; rewrite /= e addKn.
by rewrite /= subnKC // (leq_trans (ltnW (ltn_ord x))) // leq_addl.
Qed.

(* as many k lead from A to a given cell as A has cells *)
Lemma meets_card A y : #|[pred k | meets A k y]| = #|A|.
Proof.
have inj : {in A &, injective (fun x => back x y)}.
  move=> x x' _ _ /(congr1 (@nat_of_ord _)) /= e; apply: val_inj => /=.
  have le (x'' : 'I_m) : (x'' <= y + m)%N by rewrite (leq_trans (ltnW (ltn_ord x''))) // leq_addl.
  by rewrite -(subKn (le x)) e subKn.
rewrite -(card_in_imset inj); apply: eq_card => k; rewrite !inE; apply/exists_inP/imsetP => [[x xA]|[x xA ->]].
  by rewrite backE => /eqP->; exists x.
by exists x => //; rewrite backE.
Qed.

Lemma add_card A k : (#|add A k| <= #|A| + #|A|)%N.
Proof.
apply: leq_trans (leq_card_setU _ _) _; rewrite leq_add2l.
pose f (y : 'I_m) : option 'I_m := [pick x in A | (y + m == x + k)%N].
have fx y : y \in [set y | meets A k y] -> exists2 x, x \in A & (f y = Some x) /\ (y + m = x + k)%N.
  rewrite inE => /exists_inP[x xA e]; rewrite /f; case: pickP => [x' /andP[x'A /eqP e']|/(_ x)]; last by rewrite xA e.
  by exists x'.
have inj : {in [set y | meets A k y] &, injective f}.
  move=> y y' /fx[x _ [-> e]] /fx[x' _ [-> e']] [xx']; apply: val_inj => /=.
  by apply/eqP; rewrite -(eqn_add2r m) e e' xx'.
rewrite -(card_in_imset inj) -(card_imset A Some_inj); apply: subset_leq_card.
by apply/subsetP => o /imsetP[y /fx[x xA [-> _]] ->]; apply/imsetP; exists x.
Qed.

Variable R : realFieldType.
Definition length A : R := #|A|%:R / m%:R.
(* as long as zeta is not reached, a function of the length, such as the length to the power of -t *)
Variables (psi : R -> R) (kappa : R).
Definition potential A : R := (zeta \notin A)%:R * psi (length A).
Hypothesis psi1 : forall v, 0 < v <= 1 -> 1 <= psi v.
Hypothesis kappa01 : 0 <= kappa <= 2%:R^-1.
Hypothesis chord_psi : forall v g, 0 < v -> 0 <= g <= v -> psi (v + g) <= psi v * (1 - kappa * g / v).
Let m0 : (0 < m)%N. Proof. exact: leq_ltn_trans (leq0n _) (ltn_ord zeta). Qed.
Let mR : 0 < m%:R :> R. Proof. by rewrite ltr0n. Qed.
Let unit : R := (m + m)%:R^-1.

Let unit0 : 0 <= unit. Proof. by rewrite invr_ge0 ler0n. Qed.
Let mm0 : (m + m)%:R != 0 :> R. Proof. by rewrite pnatr_eq0 -lt0n addn_gt0 m0. Qed.

Lemma add_step A : A != set0 -> zeta \notin A -> \sum_k unit * potential (add A k) <= (1 - kappa / 2%:R) * potential A.
Proof.
move=> A0 zA; have cA : 0 < #|A|%:R :> R by rewrite ltr0n card_gt0.
have Am : (#|A| <= m)%N by rewrite -[m in (_ <= m)%N]card_ord max_card.
pose grow k : R := #|add A k :\: A|%:R / m%:R.
have lenD k : length (add A k) = length A + grow k.
  by rewrite /length /grow -mulrDl -natrD -(cardsID A (add A k)) (setIidPr (subsetUl A _)).
have unitE : unit = m%:R^-1 / 2%:R by rewrite /unit natrD -mulr2n -mulr_natr invfM.
have len0 : 0 < length A <= 1.
  by rewrite divr_gt0 //= ler_pdivrMr // mul1r ler_nat.
have step : \sum_k unit * ((~~ (zeta \in add A k))%:R * psi (length A + grow k)) <= (1 - kappa / 2%:R) * psi (length A).
  apply: (@potential_step R _ (fun=> unit) (fun k => zeta \in add A k) grow (length A)) => //.
  - by rewrite sumr_const card_ord -[LHS]mulr_natr /unit mulVf.
  - by case/andP: len0.
  - move=> k; rewrite divr_ge0 ?ler0n //= ler_pM2r ?invr_gt0 // ler_nat.
    by rewrite -(leq_add2l #|A|); have := cardsID A (add A k); rewrite (setIidPr (subsetUl A _)) => ->; exact: add_card.
  - rewrite -mulr_sumr -natr_sum (_ : (\sum_k (zeta \in add A k))%N = #|A|).
      by rewrite unitE /length mulrC mulrA.
    rewrite -(meets_card A zeta) -sum1_card [RHS]big_mkcond; apply: eq_bigr => k _.
    by rewrite !inE (negbTE zA) /=; case: (meets A k zeta).
  - rewrite -mulr_sumr -mulr_suml -natr_sum (_ : (\sum_k #|add A k :\: A|)%N = ((m - #|A|) * #|A|)%N).
    have -> : 1 - length A = (m%:R - #|A|%:R) / m%:R by rewrite mulrBl divff ?gt_eqF.
    by rewrite natrM natrB // unitE /length; move: (m%:R^-1) (2%:R^-1) => i h; ring.
  rewrite (eq_bigr (fun k => \sum_(y | y \notin A) meets A k y)%N) => [|k _]; last first.
    rewrite -sum1_card big_mkcond [RHS]big_mkcond; apply: eq_bigr => y _; rewrite !inE.
    by case: (y \in A); case: (meets A k y).
  rewrite exchange_big (eq_bigr (fun=> #|A|)) => [|y _]; last first.
    by rewrite -(meets_card A y) -sum1_card [RHS]big_mkcond; apply: eq_bigr => k _; rewrite inE; case: (meets A k y).
  by rewrite sum_nat_const; congr (_ * _)%N; rewrite -[X in (X - _)%N](card_ord m) -(cardC A) addKn; apply: eq_card => y; rewrite !inE.
  - by rewrite (le_trans ler01) // psi1.
  by move=> g; case/andP: len0 => l0 _; exact: chord_psi.
rewrite /potential zA [true%:R * _]mul1r; apply: le_trans _ step; apply: ler_sum => k _.
by rewrite lenD.
Qed.

Variable p : R.
Hypothesis p01 : 0 <= p <= 1.
(* None: the number is masked *)
Definition weight (v : option 'I_(m + m)) : R := if v is Some _ then p * unit else 1 - p.
Definition move A (v : option 'I_(m + m)) : {set 'I_m} := if v is Some k then add A k else A.

Lemma weight_ge0 v : 0 <= weight v.
Proof. by have /andP[p0 p1] := p01; case: v => [k|] /=; rewrite ?mulr_ge0 // subr_ge0. Qed.

Lemma sum_weights (F : option 'I_(m + m) -> R) :
  \sum_v weight v * F v = (1 - p) * F None + p * \sum_k unit * F (Some k).
Proof.
rewrite (bigID (pred1 None)) /= big_pred1_eq; congr (_ + _).
rewrite (reindex_omap Some id) /=; last by case.
rewrite (eq_bigl predT) => [|k]; last by rewrite /= eqxx.
by rewrite mulr_sumr; apply: eq_bigr => k _; rewrite mulrA.
Qed.

Lemma weights1 : \sum_v weight v = 1.
Proof.
have all : \sum_(k < m + m) unit = 1 by rewrite sumr_const card_ord -[LHS]mulr_natr /unit mulVf.
transitivity (\sum_v weight v * 1); first by apply: eq_bigr => v _; rewrite mulr1.
transitivity ((1 - p) + p * \sum_(k < m + m) unit); last by rewrite all mulr1 subrK.
rewrite (sum_weights (fun=> 1)) /=; congr (_ + p * _); first by rewrite mulr1.
by apply: eq_bigr => k _; rewrite mulr1.
Qed.

Lemma move_step A : A != set0 -> \sum_v weight v * potential (move A v) <= (1 - p * (kappa / 2%:R)) * potential A.
Proof.
move=> A0; have /andP[p0 p1] := p01; rewrite sum_weights /=; case: (boolP (zeta \in A)) => zA.
  have zero A' : A \subset A' -> potential A' = 0 by move=> /subsetP/(_ _ zA) h; rewrite /potential h mul0r.
  rewrite zero // mulr0 add0r big1 ?mulr0 // => k _; by rewrite zero ?mulr0 // subsetUl.
apply: le_trans (lerD (lexx _) (ler_wpM2l p0 (add_step A0 zA))) _.
by rewrite le_eqVlt; apply/orP; left; apply/eqP; move: (potential A) (kappa / 2%:R) => q k; ring.
Qed.

Lemma move_neq0 A v : A != set0 -> move A v != set0.
Proof. by case: v => [k|] //= /set0Pn[x xA]; apply/set0Pn; exists x; rewrite inE xA. Qed.

Lemma factor_ge0 : 0 <= 1 - p * (kappa / 2%:R).
Proof.
have /andP[p0 p1] := p01; have /andP[k0 k1] := kappa01.
rewrite subr_ge0 mulr_ile1 ?divr_ge0 ?ler0n // ler_pdivrMr ?ltr0n // mul1r (le_trans k1) //.
by rewrite (le_trans (y := 1)) ?ler1n // invf_le1 ?ltr0n // ler1n.
Qed.

Lemma moves n A : A != set0 -> mean weight n (fun s => potential (foldl move A s)) <= (1 - p * (kappa / 2%:R)) ^+ n * potential A.
Proof.
elim: n A => [|n IH] A A0 /=; first by rewrite mul1r.
apply: (@le_trans _ _ (\sum_v weight v * ((1 - p * (kappa / 2%:R)) ^+ n * potential (move A v)))).
  by apply: ler_sum => v _; rewrite ler_wpM2l ?weight_ge0 // IH // move_neq0.
rewrite (eq_bigr (fun v => (1 - p * (kappa / 2%:R)) ^+ n * (weight v * potential (move A v)))) => [|v _]; last by rewrite mulrCA.
by rewrite -mulr_sumr exprSr -mulrA ler_wpM2l ?exprn_ge0 ?factor_ge0 // move_step.
Qed.

(* Markov: what is not reached has a potential of 1 at least *)
Lemma never_reached n A : A != set0 ->
  mean weight n (fun s => (zeta \notin foldl move A s)%:R) <= (1 - p * (kappa / 2%:R)) ^+ n * psi (length A).
Proof.
move=> A0.
have len0 A' : A' != set0 -> 0 < length A' <= 1.
  move=> A'0; rewrite divr_gt0 ?ltr0n ?card_gt0 //= ler_pdivrMr // mul1r ler_nat -[m in (_ <= m)%N]card_ord.
  exact: max_card.
apply: (@le_trans _ _ (mean weight n (fun s => potential (foldl move A s)))).
  apply: (mean_le weight_ge0) => s _; have : foldl move A s != set0.
    by elim: s A A0 => //= v s IH A A0; apply/IH/move_neq0.
  by move=> /len0/psi1; rewrite /potential; case: (_ \notin _); rewrite ?mul0r // mul1r.
apply: le_trans (moves n A0) _; rewrite ler_wpM2l ?exprn_ge0 ?factor_ge0 //.
rewrite /potential; case: (_ \notin _); rewrite ?mul1r ?mul0r //.
by rewrite (le_trans ler01) // psi1 // len0.
Qed.

(* the same with numbers: the offsets u move a sum of n of them by n units at most *)
Definition value (u : R) (v : option 'I_(m + m)) : R := if v is Some k then k%:R - m%:R + u else 0.
Definition total (u : nat -> R) (b : seq bool) (s : seq (option 'I_(m + m))) : R :=
  \sum_(0 <= i < size s) (nth false b i)%:R * value (u i) (nth None s i).

Lemma total_cons u c b v s : total u (c :: b) (v :: s) = c%:R * value (u 0%N) v + total (fun i => u i.+1) b s.
Proof. by rewrite /total /= big_nat_recl. Qed.

Lemma reached u A s (y : 'I_m) : (forall i, 0 <= u i <= 1) -> y \in foldl move A s ->
  exists b (x : 'I_m), [/\ size b = size s, x \in A & `|y%:R - (x%:R + total u b s)| <= (size s)%:R].
Proof.
elim: s u A => [|v s IH] u A u01 /=.
  by move=> yA; exists [::], y; split=> //; rewrite /total big_geq // addr0 subrr normr0.
move=> /(IH (fun i => u i.+1))[//|b [x' [sb x'A near]]].
have stay : x' \in A -> exists b0 (x : 'I_m), [/\ size b0 = (size s).+1, x \in A &
    `|y%:R - (x%:R + total u b0 (v :: s))| <= (size s).+1%:R].
  move=> xA; exists (false :: b), x'; split=> //=; first by rewrite sb.
  by rewrite total_cons mul0r add0r (le_trans near) // ler_nat.
case: v stay x'A => [k|] //= stay; rewrite inE => /orP[/stay //|]; rewrite inE => /exists_inP[x xA /eqP e].
exists (true :: b), x; split=> //=; first by rewrite sb.
have /andP[u0 u1] := u01 0%N; rewrite total_cons mul1r /=.
have x'E : x'%:R = x%:R + (k%:R - m%:R) :> R by rewrite addrA -natrD -e natrD addrK.
have -> : y%:R - (x%:R + (k%:R - m%:R + u 0%N + total (fun i => u i.+1) b s)) =
    y%:R - (x'%:R + total (fun i => u i.+1) b s) - u 0%N by rewrite x'E; ring.
apply: le_trans (ler_normB _ _) _; rewrite -[(size s).+1]addn1 natrD; apply: lerD near _.
by rewrite ger0_norm.
Qed.

(* some of the numbers that are not masked add up to z, but for eps *)
Definition close (z eps : R) (u : nat -> R) (s : seq (option 'I_(m + m))) : bool :=
  [exists b : (size s).-tuple bool, `|z - total u b s / m%:R| <= eps].

Lemma grid_law n (e : nat) (z eps : R) u : (forall i, 0 <= u i <= 1) -> (e < m)%N ->
  `|z * m%:R - zeta%:R| <= 1 -> (e + n).+1%:R <= eps * m%:R ->
  mean weight n (fun s => (~~ close z eps u s)%:R) <= (1 - p * (kappa / 2%:R)) ^+ n * psi (e.+1%:R / m%:R).
Proof.
move=> u01 em zz room; pose A := [set y : 'I_m | (y < e.+1)%N].
have cA : #|A| = e.+1.
  by rewrite cardsE -sum1_card (eq_bigl (fun y : 'I_m => (y < e.+1)%N)) // (big_ord_narrow em) sum1_card card_ord.
rewrite -cA -/(length A); apply: le_trans (never_reached n _); last by rewrite -card_gt0 cA.
apply: (mean_le weight_ge0) => s sn; rewrite ler_nat; case: (boolP (zeta \in _)) => [|_]; last by rewrite leq_b1.
move=> /(reached u01)[b [x [sb xA near]]]; rewrite leqn0 eqb0 negbK.
have bs : size b == size s by rewrite sb.
apply/existsP; exists (Tuple bs) => /=; move: near; rewrite sn => near.
rewrite -(ler_pM2r mR) -[X in _ * X](gtr0_norm mR) -normrM mulrBl divfK ?gt_eqF //; apply: le_trans room.
have -> : z * m%:R - total u b s = z * m%:R - zeta%:R + (zeta%:R - (x%:R + total u b s)) + x%:R by ring.
have -> : (e + n).+1%:R = 1 + n%:R + e%:R :> R by rewrite -addn1 !natrD; ring.
apply: le_trans (ler_normD _ _) (lerD (le_trans (ler_normD _ _) (lerD zz near)) _).
by rewrite ger0_norm ?ler0n // ler_nat; move: xA; rewrite inE ltnS.
Qed.
End Grid.

Lemma floor_exists (R : archiFieldType) (x : R) : 0 <= x -> exists k : nat, k%:R <= x < k.+1%:R.
Proof.
move=> x0; have ex : exists k : nat, x < k.+1%:R.
  by exists (Num.bound x); apply: lt_trans (archi_boundP x0) _; rewrite ltr_nat.
case: (ex_minnP ex) => k xk least; exists k; rewrite xk andbT; case: k xk least => [//|k] _ least.
by rewrite leNgt; apply/negP => /least; rewrite ltnn.
Qed.

Section Explicit.
Variables (R : archiFieldType) (m n : nat) (p z eps : R) (u : nat -> R).
Hypotheses (p01 : 0 <= p <= 1) (z01 : 0 <= z <= 1) (e1 : eps <= 1) (u01 : forall i, 0 <= u i <= 1).
Hypothesis room : n.+1%:R < eps * m%:R.

(* with any potential that falls as fast as a chord *)
Theorem explicit_potential (psi : R -> R) (kappa : R) : 0 <= kappa <= 2%:R^-1 ->
  (forall v, 0 < v <= 1 -> 1 <= psi v) -> (forall v v', 0 < v -> v <= v' -> psi v' <= psi v) ->
  (forall v g, 0 < v -> 0 <= g <= v -> psi (v + g) <= psi v * (1 - kappa * g / v)) ->
  mean (weight (m := m) p) n (fun s => (~~ close z eps u s)%:R) <=
    (1 - p * (kappa / 2%:R)) ^+ n * psi (eps - n.+1%:R / m%:R).
Proof.
move=> kappa01 psi1 falls chord_psi; have /andP[z0 z1] := z01; have /andP[p0 p1] := p01.
have m0 : (0 < m)%N.
  by case: (posnP m) room => // ->; rewrite mulr0 ltNge ler0n.
have mR : 0 < m%:R :> R by rewrite ltr0n.
have [zeta zz] : exists zeta : 'I_m, `|z * m%:R - zeta%:R| <= 1.
  have [k /andP[k1 k2]] := floor_exists (mulr_ge0 z0 (ltW mR)).
  have zm : z * m%:R <= m%:R by rewrite ler_piMl // ltW.
  have [km|mk] := ltnP k m.
    by exists (Ordinal km) => /=; rewrite ger0_norm ?subr_ge0 // lerBlDl -[k%:R + 1]mulrSr ltW.
  have kE : k = m by apply/eqP; rewrite eqn_leq mk andbT -(ler_nat R) (le_trans k1).
  have pm : (m.-1 < m)%N by rewrite prednK.
  exists (Ordinal pm) => /=; rewrite kE in k1; have -> : z * m%:R = m%:R by apply/eqP; rewrite eq_le zm k1.
  have -> : m%:R = m.-1%:R + 1 :> R by rewrite -[RHS]mulrSr prednK.
  by rewrite addrAC subrr add0r normr1.
have [e /andP[le lt]] := floor_exists (ltW (etrans (subr_gt0 _ _) room)).
have fits : (e + n).+1%:R <= eps * m%:R by rewrite -addnS natrD -lerBrDr.
have em : (e < m)%N.
  rewrite -(ler_nat R); apply: le_trans (_ : (e + n).+1%:R <= _); first by rewrite ler_nat ltnS leq_addr.
  by apply: le_trans fits _; rewrite ler_piMl // ltW.
apply: le_trans (grid_law (zeta := zeta) psi1 kappa01 chord_psi p01 u01 em zz fits) _.
rewrite ler_wpM2l ?exprn_ge0 ?(factor_ge0 kappa01 p01) //; apply: falls.
  by rewrite subr_gt0 ltr_pdivrMr.
by rewrite ler_pdivlMr // mulrBl divfK ?gt_eqF // ltW.
Qed.

(* Theorem A' with t = 1: for numbers on a grid of m cells, whatever their offsets *)
Theorem explicit_theorem : mean (weight (m := m) p) n (fun s => (~~ close z eps u s)%:R) <=
  (1 - p / 4%:R) ^+ n / (eps - n.+1%:R / m%:R).
Proof.
have -> : p / 4%:R = p * (2%:R^-1 / 2%:R) by field.
apply: explicit_potential => [|v /andP[v0 v1]|v v' v0 vv'|v g v0 gv].
- by rewrite lexx andbT invr_ge0 ler0n.
- by rewrite invf_ge1.
- by rewrite lef_pV2 ?posrE // (lt_le_trans v0).
apply: le_trans (chord v0 gv) _; rewrite le_eqVlt; apply/orP; left; apply/eqP; field.
by rewrite gt_eqF.
Qed.
End Explicit.
