(* The sequential greedy: consumers are served one after another by neurons that no target neuron has claimed yet.    *)
(* T: consumers, Z: neurons of the last hidden layer, C: target neurons; consumer t needs an adjacent copy of each of *)
(* need t. A neuron is free as long as it copies nothing.                                                             *)
From mathcomp Require Import all_ssreflect all_algebra.
From ERProofs Require Import names bernoulli exact_laws factored_law factored_network.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Greedy.
Variables (T Z C : finType) (need : T -> {set C}).
Local Notation edges := [finType of T * Z].
Local Notation colouring := {ffun Z -> option C}.
Implicit Types (w : {ffun edges -> bool}) (u : {ffun Z -> bool}) (c : colouring) (M S : {set C}) (a : {ffun C -> nat}).

Definition row t w : {ffun Z -> bool} := [ffun z => w (t, z)].
(* what consumer t needs and has no adjacent copy of; the free neurons that it is adjacent to *)
Definition missing t c u : {set C} := [set j in need t | [forall z, (c z == Some j) ==> ~~ u z]].
Definition free c u : {set Z} := [set z | (c z == None) && u z].
(* the first free neurons become copies of what is missing, one each *)
Definition recolour c u M : colouring :=
  [ffun z => if z \in free c u then nth None [seq Some j | j <- enum M] (index z (enum (free c u))) else c z].

Fixpoint run (ts : seq T) c w : option colouring :=
  if ts is t :: ts' then
    let M := missing t c (row t w) in
    if (#|M| <= #|free c (row t w)|)%N then run ts' (recolour c (row t w) M) w else None
  else Some c.

Definition sizes c : {ffun C -> nat} := [ffun j => #|[pred z | c z == Some j]|].
Definition grown a S : {ffun C -> nat} := [ffun j => (a j + (j \in S))%N].

Lemma recolour_free c u M z : z \in free c u ->
  recolour c u M z = nth None [seq Some j | j <- enum M] (index z (enum (free c u))).
Proof. by rewrite /recolour ffunE => ->. Qed.

Lemma recolour_kept c u M z : z \notin free c u -> recolour c u M z = c z.
Proof. by rewrite /recolour ffunE => /negbTE->. Qed.

Lemma recolour_some c u M z j : c z = Some j -> recolour c u M z = Some j.
Proof. by move=> cz; rewrite recolour_kept // inE cz. Qed.

Lemma recolour_new c u M j : (#|M| <= #|free c u|)%N -> j \in M ->
  exists2 z, z \in free c u & forall z', z' \in free c u -> (recolour c u M z' == Some j) = (z' == z).
Proof.
move=> le jM; have jm : (index j (enum M) < size (enum (free c u)))%N.
  by rewrite -cardE (leq_trans _ le) // [#|M|]cardE index_mem mem_enum.
have [x0 _] : exists x0, x0 \in free c u by apply/card_gt0P; rewrite cardE (leq_ltn_trans _ jm).
exists (nth x0 (enum (free c u)) (index j (enum M))); first by rewrite -mem_enum mem_nth.
move=> z zf; rewrite recolour_free //; apply/eqP/eqP => [e|->].
  have lt : (index z (enum (free c u)) < size (enum M))%N.
    by rewrite ltnNge; apply/negP => ge; rewrite nth_default ?size_map in e.
  have := congr1 (index^~ (enum M)) (congr1 (odflt j) e); rewrite (nth_map j) //= index_uniq ?enum_uniq // => <-.
  by rewrite nth_index // mem_enum.
by rewrite index_uniq ?enum_uniq // (nth_map j) ?index_mem ?mem_enum // nth_index ?mem_enum.
Qed.

Lemma recolour_old c u M j z : j \notin M -> z \in free c u -> recolour c u M z != Some j.
Proof.
move=> jM zf; rewrite recolour_free //; apply/eqP => e.
have lt : (index z (enum (free c u)) < size (enum M))%N.
  by rewrite ltnNge; apply/negP => ge; rewrite nth_default ?size_map in e.
move: e; rewrite (nth_map j) // => -[e]; case/negP: jM.
by rewrite -e -mem_enum mem_nth.
Qed.

Lemma sizes_recolour c u M : (#|M| <= #|free c u|)%N -> sizes (recolour c u M) = grown (sizes c) M.
Proof.
move=> le; apply/ffunP => j; rewrite !ffunE -(cardID (mem (free c u))) addnC; congr (_ + _)%N.
  apply: eq_card => z; rewrite !inE; case: (boolP ((c z == None) && u z)) => zf /=; first by case/andP: zf => /eqP->.
  by rewrite recolour_kept // inE.
case: (boolP (j \in M)) => jM.
  have [z zf new] := recolour_new le jM; rewrite -[RHS](card1 z); apply: eq_card => z'; rewrite !inE.
  case: (boolP ((c z' == None) && u z')) => z'f; rewrite ?andbT ?andbF; first by apply: new; rewrite inE.
  by apply/esym/eqP => e; move: z'f; rewrite e; move: zf; rewrite inE => ->.
apply: eq_card0 => z; rewrite !inE; case: (boolP ((c z == None) && u z)) => zf; rewrite ?andbF // andbT.
by apply/negbTE/recolour_old; rewrite // inE.
Qed.

Lemma used_sizes c : (\sum_j sizes c j)%N = #|[set z | c z != None]|.
Proof.
rewrite (eq_bigr (fun j => \sum_(z | c z == Some j) 1)%N) => [|j _]; last by rewrite ffunE -sum1_card.
rewrite (exchange_big_dep (mem [set z | c z != None])) /= => [|j z _ /eqP cz]; last by rewrite inE cz.
rewrite -sum1_card; apply: eq_bigr => z; rewrite !inE; case cz: (c z) => [j|] // _.
by rewrite (big_pred1 j) // => j'; rewrite eq_sym.
Qed.

(* where it does not fail, every consumer has an adjacent copy of all that it needs *)
Theorem run_serves ts c w c' : run ts c w = Some c' ->
  (forall z j, c z = Some j -> c' z = Some j) /\
  forall t j, t \in ts -> j \in need t -> exists z, c' z = Some j /\ w (t, z).
Proof.
elim: ts c => [|t ts IH] c /=; first by move=> [<-].
set u := row t w; case: ifP => // le /IH[keep served].
split=> [z j cz|t' j]; first by apply/keep/recolour_some.
rewrite inE => /predU1P[->|]; last exact: served.
move=> jt; case: (boolP (j \in missing t c u)) => jM.
  have [z zf new] := recolour_new le jM; exists z; split; first by apply/keep/eqP; rewrite new.
  by move: zf; rewrite inE ffunE => /andP[].
move: jM; rewrite inE jt /= negb_forall => /existsP[z]; rewrite negb_imply negbK ffunE => /andP[/eqP cz wz].
by exists z; split=> //; apply/keep/recolour_some.
Qed.

Lemma run_local ts c w w' : (forall t z, t \in ts -> w (t, z) = w' (t, z)) -> run ts c w = run ts c w'.
Proof.
elim: ts c => [//|t ts IH] c h /=; rewrite (_ : row t w = row t w').
  by case: ifP => // _; apply: IH => t' z t't; rewrite h // inE t't orbT.
by apply/ffunP => z; rewrite !ffunE h // mem_head.
Qed.

Variables (R : realFieldType) (p : R).

(* the chance that of the classes, of sizes a, exactly S have no neuron adjacent to t, of those that it needs *)
Definition chance a t S : R := \prod_(j in need t) (if j \in S then (1 - p) ^+ a j else 1 - (1 - p) ^+ a j).
Definition few (n m : nat) : R := \sum_(k < n.+1) bin_mass p n k * (k < m)%N%:R.
Definition enough (n m : nat) : R := \sum_(k < n.+1) bin_mass p n k * (m <= k)%N%:R.
Definition left_over a : nat := (#|Z| - \sum_j a j)%N.

(* the mean of F over the sizes in the end, failures counted as 0; the mean where failures are not looked at; and the *)
(* sum over the consumers of the chance that too few free neurons are adjacent                                        *)
Section Means.
Variable F : {ffun C -> nat} -> R.
Fixpoint value (ts : seq T) a : R :=
  if ts is t :: ts' then
    \sum_(S : {set C} | S \subset need t) chance a t S * (enough (left_over a) #|S| * value ts' (grown a S))
  else F a.
Fixpoint chains (ts : seq T) a : R :=
  if ts is t :: ts' then \sum_(S : {set C} | S \subset need t) chance a t S * chains ts' (grown a S) else F a.
End Means.
Fixpoint short (ts : seq T) a : R :=
  if ts is t :: ts' then
    \sum_(S : {set C} | S \subset need t) chance a t S * (few (left_over a) #|S| + short ts' (grown a S))
  else 0.

Local Notation P := (fun _ : edges => p).

Lemma Ex_row t (G : {ffun Z -> bool} -> {ffun edges -> bool} -> R) :
  (forall u w w', (forall t' z, t' != t -> w (t', z) = w' (t', z)) -> G u w = G u w') ->
  Ex P (fun w => G (row t w) w) = Ex (fun _ : Z => p) (fun u => Ex P (G u)).
Proof.
move=> blind; transitivity (Ex P (fun w => \sum_u (row t w == u)%:R * G u w)).
  apply: eq_Ex => w; rewrite (bigD1 (row t w)) //= eqxx mul1r big1 ?addr0 // => u.
  by rewrite eq_sym => /negbTE->; rewrite mul0r.
rewrite Ex_sum /(Ex (fun=> p)); apply: eq_bigr => u _.
pose g (b : bool) w : R := if b then (row t w == u)%:R else G u w.
transitivity (Ex P (fun w => \prod_b g b w)); first by apply: eq_Ex => w; rewrite big_bool.
rewrite (@Ex_blocks _ _ P _ (fun e => e.1 == t) g) => [|[] w w' h].
- rewrite big_bool /g; congr (_ * _).
  have inj : injective (fun z : Z => (t, z) : edges) by move=> z z' [].
  rewrite (Ex_part P inj (fun v => (v == u)%:R)) /Ex (bigD1 u) //= eqxx mulr1 big1 ?addr0 // => v /negbTE->.
  by rewrite mulr0.
- rewrite /g (_ : row t w = row t w') //; apply/ffunP => z; by rewrite !ffunE h //= eqxx.
by apply: blind => t' z /negbTE n; rewrite h.
Qed.

Lemma row_law t c (Phi : {set C} -> nat -> R) :
  Ex (fun _ : Z => p) (fun u => Phi (missing t c u) #|free c u|) =
  \sum_(S : {set C} | S \subset need t) chance (sizes c) t S *
    \sum_(k < (left_over (sizes c)).+1) bin_mass p (left_over (sizes c)) k * Phi S k.
Proof.
have miss_in u : missing t c u \subset need t by apply/subsetP => j; rewrite inE => /andP[].
pose lacks j u := [forall z, (c z == Some j) ==> ~~ u z].
pose g S (b : option C) u : R :=
  if b is Some j then (if j \in need t then (lacks j u == (j \in S))%:R else 1) else Phi S #|free c u|.
transitivity (Ex (fun _ : Z => p) (fun u => \sum_(S : {set C} | S \subset need t) \prod_b g S b u)).
  apply: eq_Ex => u; rewrite (bigD1 (missing t c u)) //= [X in _ + X]big1 ?addr0 => [|S /andP[Sn ne]].
    rewrite (bigID (pred1 None)) /= big_pred1_eq big1 ?mulr1 // => -[j|] // _ /=.
    by case: ifP => // jt; rewrite inE jt /= /lacks eqxx.
  have [j] : exists j, (j \in missing t c u) != (j \in S).
    apply/existsP; rewrite -negb_forall; apply: contra ne => /forallP h; apply/eqP/setP => j.
    by rewrite (eqP (h j)).
  rewrite inE; case: (boolP (j \in need t)) => [jt /= ne'|jt].
    by rewrite (bigD1 (Some j)) //= jt (negbTE ne') mul0r.
  by have := contra (subsetP Sn j) jt => /negbTE->.
transitivity (\sum_(S : {set C} | S \subset need t) Ex (fun _ : Z => p) (fun u => \prod_b g S b u)).
  rewrite /Ex; under eq_bigr do rewrite mulr_sumr; exact: exchange_big.
apply: eq_bigr => S Sn; rewrite (@Ex_blocks _ _ (fun=> p) _ c (g S)) => [|[j|] u u' h] /=.
- rewrite (bigID (pred1 None)) /= big_pred1_eq mulrC; congr (_ * _).
    rewrite (reindex_omap Some id) /=; last by case.
    rewrite (eq_bigl predT) => [|j]; last by rewrite /= eqxx.
    rewrite /chance [RHS]big_mkcond /=; apply: eq_bigr => j _; rewrite /g /=; case: ifP => jt; last exact: Ex_cst.
    have hit : Pr (fun _ : Z => p) (lacks j) = (1 - p) ^+ sizes c j.
      by rewrite (Pr_miss _ (fun z => c z == Some j)) prodr_const ffunE.
    case: (j \in S); rewrite -hit; last by rewrite -PrC; apply: eq_Ex => u; rewrite eqbF_neg.
    by apply: eq_Ex => u; rewrite eqb_id.
  have inj : injective (fun z : {z | c z == None} => val z) by exact: val_inj.
  have count : #|{: {z | c z == None}}| = left_over (sizes c).
    rewrite card_sig /left_over used_sizes -(cardC [pred z | c z == None]) [X in (_ + X - _)%N](_ : _ = #|[set z | c z != None]|).
      by rewrite addnK.
    by apply: eq_card => z; rewrite !inE.
  rewrite -count -(binomial_law _ p (Phi S)) -(Ex_part (fun=> p) inj); apply: eq_Ex => u; congr (Phi S _).
  rewrite -(card_imset _ inj); apply: eq_card => z; rewrite inE.
  apply/andP/imsetP => [[cz uz]|[z' + ->]]; last by rewrite inE ffunE (svalP z').
  by exists (exist _ z cz); rewrite // inE ffunE.
- rewrite /lacks (_ : [forall z, (c z == Some j) ==> ~~ u z] = [forall z, (c z == Some j) ==> ~~ u' z]) //.
  by apply: eq_forallb => z; case: eqP => //= /h->.
congr (Phi S _); apply: eq_card => z; rewrite !inE; by case: eqP => //= /h->.
Qed.

Lemma chance_sum a t : \sum_(S : {set C} | S \subset need t) chance a t S = 1.
Proof.
pose q j : R := if j \in need t then (1 - p) ^+ a j else 0.
rewrite -[RHS](Ex_cst q 1) /Ex (reindex (fun S : {set C} => [ffun j => j \in S])) /=; last first.
  exists (fun w : {ffun C -> bool} => [set j | w j]) => [S _|w _]; first by apply/setP => j; rewrite inE ffunE.
  by apply/ffunP => j; rewrite ffunE inE.
rewrite [LHS]big_mkcond /=; apply: eq_bigr => S _; rewrite mulr1 /mass; case: ifP => [Sn|].
  rewrite /chance [LHS]big_mkcond /=; apply: eq_bigr => j _; rewrite ffunE /wt /q.
  case: ifP => jt; first by case: ifP.
  by have := contra (subsetP Sn j) (negbT jt) => /negbTE->; rewrite subr0.
move/negbT/subsetPn => [j jS jt]; rewrite (bigD1 j) //= ffunE jS /wt /q (negbTE jt) mul0r.
by [].
Qed.

Lemma bin_sum n : \sum_(k < n.+1) bin_mass p n k = 1.
Proof.
rewrite -[RHS](Ex_cst (fun _ : 'I_n => p) 1) (binomial_law _ p (fun=> 1)) card_ord.
by apply: eq_bigr => k _; rewrite mulr1.
Qed.

Lemma enough_few n m : enough n m = 1 - few n m.
Proof.
rewrite -(bin_sum n) /enough /few -sumrB; apply: eq_bigr => k _.
by rewrite ltnNge; case: (m <= k)%N; rewrite /= ?mulr1 ?mulr0 ?subr0 ?subrr.
Qed.

Section Law.
Variable F : {ffun C -> nat} -> R.

Theorem greedy_law ts c : uniq ts ->
  Ex P (fun w => if run ts c w is Some c' then F (sizes c') else 0) = value F ts (sizes c).
Proof.
elim: ts c => [|t ts IH] c /=; first by rewrite Ex_cst.
move=> /andP[tts uts].
pose G u w : R := if (#|missing t c u| <= #|free c u|)%N then
  (if run ts (recolour c u (missing t c u)) w is Some c' then F (sizes c') else 0) else 0.
transitivity (Ex P (fun w => G (row t w) w)); first by apply: eq_Ex => w; rewrite /G; case: ifP.
rewrite Ex_row => [|u w w' h]; last first.
  rewrite /G; case: ifP => // _; rewrite (@run_local _ _ w w') // => t' z t't; apply: h.
  by apply: contraNneq tts => <-.
transitivity (Ex (fun _ : Z => p) (fun u => (#|missing t c u| <= #|free c u|)%N%:R *
    value F ts (grown (sizes c) (missing t c u)))).
  apply: eq_Ex => u; rewrite /G; case: leqP => le; last by rewrite mul0r Ex_cst.
  by rewrite mul1r IH // sizes_recolour.
rewrite (row_law t c (fun S k => (#|S| <= k)%N%:R * value F ts (grown (sizes c) S))).
apply: eq_bigr => S _; congr (_ * _); rewrite /enough mulr_suml; apply: eq_bigr => k _.
by rewrite mulrA.
Qed.

Hypothesis p01 : 0 <= p <= 1.
Hypothesis F01 : forall a, 0 <= F a <= 1.

Lemma chance_ge0 a t S : 0 <= chance a t S.
Proof.
have /andP[p0 p1] := p01; have q01 : 0 <= 1 - p <= 1 by rewrite subr_ge0 p1 lerBlDl lerDr.
have /andP[q0 q1] := q01.
by apply: prodr_ge0 => j _; case: ifP => _; rewrite ?subr_ge0 ?exprn_ge0 // exprn_ile1.
Qed.

Lemma few01 n m : 0 <= few n m <= 1.
Proof.
have /andP[p0 p1] := p01.
have b0 k : 0 <= bin_mass p n k by rewrite !mulr_ge0 ?ler0n ?exprn_ge0 ?subr_ge0.
apply/andP; split; first by apply: sumr_ge0 => k _; rewrite mulr_ge0 ?ler0n.
by rewrite -(bin_sum n); apply: ler_sum => k _; rewrite ler_piMr // lern1 leq_b1.
Qed.

Lemma value01 ts a : 0 <= value F ts a <= 1.
Proof.
elim: ts a => [//|t ts IH] a /=; have e01 n m : 0 <= enough n m <= 1.
  by have /andP[f0 f1] := few01 n m; rewrite enough_few subr_ge0 f1 lerBlDl lerDr.
apply/andP; split.
  apply: sumr_ge0 => S _; have /andP[e0 _] := e01 (left_over a) #|S|; have /andP[v0 _] := IH (grown a S).
  by rewrite !mulr_ge0 ?chance_ge0.
rewrite -(chance_sum a t); apply: ler_sum => S _; rewrite ler_piMr ?chance_ge0 //.
by have /andP[e0 e1] := e01 (left_over a) #|S|; have /andP[v0 v1] := IH (grown a S); rewrite mulr_ile1.
Qed.

Lemma value_ge ts a : chains F ts a - short ts a <= value F ts a.
Proof.
elim: ts a => [|t ts IH] a /=; first by rewrite subr0.
rewrite -sumrB; apply: ler_sum => S _; rewrite -mulrBr ler_wpM2l ?chance_ge0 //.
have /andP[f0 f1] := few01 (left_over a) #|S|; have /andP[v0 v1] := value01 ts (grown a S).
rewrite enough_few mulrBl mul1r opprD addrCA -[X in X <= _]addrC; apply: lerD (IH _) _.
by rewrite lerN2 ler_piMr.
Qed.

(* failures as often as too few free neurons are adjacent to a consumer, at most *)
Theorem greedy_bound ts c : uniq ts -> chains F ts (sizes c) - short ts (sizes c) <=
  Ex P (fun w => if run ts c w is Some c' then F (sizes c') else 0).
Proof. by move=> uts; rewrite greedy_law // value_ge. Qed.
End Law.

(* from no colour at all, all consumers in turn *)
Definition coloured w : bool := isSome (run (enum T) [ffun=> None] w).

Lemma sizes_none : sizes [ffun=> None] = [ffun=> 0%N].
Proof. by apply/ffunP => j; rewrite !ffunE; apply: eq_card0 => z; rewrite inE ffunE. Qed.

Lemma Pr_coloured : Pr P coloured = Ex P (fun w => if run (enum T) [ffun=> None] w is Some c' then 1 else 0).
Proof. by apply: eq_Ex => w; rewrite /coloured; case: run. Qed.

Theorem sequential_law : Pr P coloured = value (fun=> 1) (enum T) [ffun=> 0%N].
Proof. by rewrite Pr_coloured (greedy_law (fun=> 1)) ?enum_uniq // sizes_none. Qed.

Lemma chains1 ts a : chains (fun=> 1) ts a = 1.
Proof.
elim: ts a => [//|t ts IH] a /=; rewrite -[RHS](chance_sum a t); apply: eq_bigr => S _.
by rewrite IH mulr1.
Qed.

Theorem sequential_bound : 0 <= p <= 1 -> 1 - short (enum T) [ffun=> 0%N] <= Pr P coloured.
Proof.
move=> p01; have F01 (a : {ffun C -> nat}) : 0 <= (1 : R) <= 1 by rewrite lexx ler01.
by rewrite Pr_coloured; have := greedy_bound p01 F01 [ffun=> None] (enum_uniq T); rewrite chains1 sizes_none.
Qed.
End Greedy.
