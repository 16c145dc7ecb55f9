(* The last hidden layer coloured after its mask is seen, layer 0 coded: one hidden layer, every layer masked.        *)
(* A colour of a neuron of layer 1 is the neuron of the target that it copies. Layer 0 carries linear combinations of *)
(* the inputs: with matchings its two maps hold the weights of all neurons that have a colour.                        *)
From mathcomp Require Import all_ssreflect all_algebra.
From ERProofs Require Import names bernoulli exact_laws factored factored_law factored_network.
From ERProofs Require Import one_hidden_layer private_matching sequential_greedy.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Coded.
Variables (R : realFieldType) (d N0 N1 n : nat) (O : finType) (p0 p1 p2 : R).
Variables (act : R -> R) (W1 : 'M[R]_(n, d)) (W2 : O -> 'I_n -> R) (b1 : 'I_n -> R) (b2 : O -> R).
Variables (box : 'cV[R]_d -> Prop) (M : R).
Hypothesis bounded : forall x, box x -> within M x.
Local Notation low := (low d N0 N1).
Local Notation top := (top N1 O).
Local Notation mask := {ffun [finType of low + top] -> bool}.
Local Notation colouring := {ffun 'I_N1 -> option 'I_n}.
Local Notation lower_density := (lower_density (d := d) (N0 := N0) (N1 := N1) p0 p1).
Local Notation density := (density (d := d) (N0 := N0) (N1 := N1) (O := O) p0 p1 p2).
Local Notation represented := (represented (N0 := N0) (N1 := N1) act W1 W2 b1 b2 box).
Implicit Types (a : {ffun low -> bool}) (u : {ffun top -> bool}) (w : mask) (c : colouring).

(* every output is adjacent to a copy of each neuron that it reads *)
Definition serves c u : Prop := forall o j, W2 o j != 0 -> exists z, c z = Some j /\ u (o, z).
Definition used c : {set 'I_N1} := [set z | c z != None].
(* layer 0 can have any weights at all for the neurons h *)
Definition holds v (h : 'I_v -> 'I_N1) a : Prop :=
  contains_all R (fun y i => a (inr (y, i))) (fun (k : 'I_v) y => a (inl (h k, y))).

Lemma coded_source c a u v (h : 'I_v -> 'I_N1) : injective h -> (forall z, z \in used c -> exists k, h k = z) ->
  holds h a -> serves c u -> represented (glue a u).
Proof.
move=> hi hc ha cu.
have [A' [B [oA oB AB]]] := ha (\matrix_(k, i) (if c (h k) is Some j then W1 j i else 0)).
pose A : 'M[R]_(N1, N0) := \matrix_(z, y) (if [pick k | h k == z] is Some k then A' k y else 0).
have row z j i : c z = Some j -> (A *m B) z i = W1 j i.
  move=> cz; have [|k hk] := hc z; first by rewrite inE cz.
  have := congr1 (fun X : 'M[R]_(v, d) => X k i) AB; rewrite !mxE hk cz => <-.
  apply: eq_bigr => y _; rewrite mxE; case: pickP => [k' /eqP|/(_ k)]; last by rewrite hk eqxx.
  by rewrite -hk => /hi->.
have [M' hM] := mulmx_within B 0 M.
pose c0 : 'cV[R]_N0 := const_mx M'.
pose pk o j := [pick z | (c z == Some j) && u (o, z)].
pose s o z : R := \sum_j (if pk o j == Some z then W2 o j else 0).
exists B, c0, A, (fun z => (if c z is Some j then b1 j else 0) - (A *m c0) z 0), s, b2.
split=> [y i|z y|o z|x xM o]; rewrite ?ffunE.
- exact: oB.
- move=> nz; rewrite mxE; case: pickP => // k /eqP hk; apply: oA; by rewrite hk.
- move=> nz; rewrite /s big1 // => j _; rewrite /pk; case: pickP => [z' /andP[_ uz']|] //.
  by case: eqP => // -[e]; rewrite -e uz' in nz.
have linear : map_mx (@relu R) (B *m x + c0) = B *m x + c0.
  apply/matrixP => y k; rewrite [LHS]mxE /relu max_r // ord1 mxE [X in _ + X]mxE.
  by have := hM x (bounded xM) y; rewrite addr0 ler_norml => /andP[lo _]; rewrite -lerBlDr sub0r.
rewrite /source /target linear; congr (_ + _).
pose pre z := (A *m (B *m x + c0)) z 0 + ((if c z is Some j then b1 j else 0) - (A *m c0) z 0).
rewrite -/pre; transitivity (\sum_j \sum_z (if pk o j == Some z then W2 o j else 0) * act (pre z)).
  by rewrite exchange_big; apply: eq_bigr => z _; rewrite mulr_suml.
apply: eq_bigr => j _; rewrite /pk; case: pickP => [z /andP[/eqP cz _]|none].
  rewrite (bigD1 z) //= eqxx big1 ?addr0 => [|z' /negbTE nz]; last first.
    by rewrite eq_sym (inj_eq Some_inj) nz mul0r.
  congr (_ * act _); rewrite /pre cz mulmxDr [X in X + _ = _]mxE addrACA subrr addr0 mulmxA; congr (_ + _).
  by rewrite !mxE; apply: eq_bigr => i _; rewrite (row z j).
rewrite big1 => [|z _]; last by rewrite mul0r.
case: (eqVneq (W2 o j) 0) => [->|nz]; first by rewrite mul0r.
by have [z [cz uz]] := cu o j nz; have := none z; rewrite cz eqxx uz.
Qed.

(* the chance that m rows have no matching into Bin(N, b) columns, to each of which they have an edge with chance a *)
Definition eps (m N : nat) (a b : R) : R := \sum_(k < N.+1) bin_mass b N k * lost m a k.
Definition primal_loss (v : nat) : R := v%:R * eps d N0 p0 p1.
Definition dual_loss (v : nat) : R := d%:R * eps v N0 p1 p0.
Definition loss (v : nat) : R := Num.min 1 (Num.min (primal_loss v) (dual_loss v)).

Hypotheses (h0 : 0 <= p0 <= 1) (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1) (N00 : (0 < N0)%N).

Let dual_place v (h : 'I_v -> 'I_N1) (e : [finType of ('I_v * 'I_N0) + ('I_N0 * 'I_d)]) : low :=
  match e with inl x => inl (h x.1, x.2) | inr x => inr x end.
Let primal_place v (h : 'I_v -> 'I_N1) (e : [finType of ('I_d * 'I_N0) + ('I_N0 * 'I_v)]) : low :=
  match e with inl x => inr (x.2, x.1) | inr x => inl (h x.2, x.1) end.
Let fails m k (a : {ffun [finType of ('I_m * 'I_N0) + ('I_N0 * 'I_k)] -> bool}) : bool :=
  [exists i, bad [ffun e => a (inr e)] [ffun e => a (inl e)] i].

Let matched m k (a : {ffun [finType of ('I_m * 'I_N0) + ('I_N0 * 'I_k)] -> bool}) : ~~ fails a ->
  dual_matching (reads a) (read_by a).
Proof.
move=> /(matchings (Ordinal N00)); rewrite (_ : glue _ _ = a) //.
by apply/ffunP => -[e|e]; rewrite !ffunE.
Qed.

Let steps_lost m (p : R) : steps m p (lost m p). Proof. by move=> k; exists k. Qed.

Lemma often v (h : 'I_v -> 'I_N1) : injective h -> exists A : pred {ffun low -> bool},
  (forall a, A a -> holds h a) /\ 1 - loss v <= Pr lower_density A.
Proof.
move=> hi; rewrite /loss.
have dual : exists A : pred {ffun low -> bool}, (forall a, A a -> holds h a) /\ 1 - dual_loss v <= Pr lower_density A.
  exists (predC (fun a => fails (part (dual_place h) a))); split=> [a /= /matched dm|].
    apply: either_matching; left=> i; have [c [ci co cr]] := dm i; exists c; split=> // o.
      by have := co o; rewrite /read_by ffunE.
    by have := cr o; rewrite /reads ffunE.
  have inj : injective (dual_place h) by move=> [[k y]|x] [[k' y']|x'] //= [] => [/hi-> ->|->].
  rewrite PrC lerD2l lerN2 /Pr (Ex_part lower_density inj (fun f => (fails f)%:R)).
  rewrite (eq_density _ (p' := two_masks p0 p1)) => [|[]] //.
  exact: (@fails_law R d v N0 p0 p1 h0 h1 (lost v p1) (steps_lost v p1)).
have primal : exists A : pred {ffun low -> bool}, (forall a, A a -> holds h a) /\ 1 - primal_loss v <= Pr lower_density A.
  exists (predC (fun a => fails (part (primal_place h) a))); split=> [a /= /matched dm|].
    apply: either_matching; right=> k; have [c [ci co cr]] := dm k; exists c; split=> // i.
      by have := co i; rewrite /read_by ffunE.
    by have := cr i; rewrite /reads ffunE.
  have inj : injective (primal_place h).
    by move=> [[i y]|[y k]] [[i' y']|[y' k']] //= [] => [-> ->|/hi-> ->].
  rewrite PrC lerD2l lerN2 /Pr (Ex_part lower_density inj (fun f => (fails f)%:R)).
  rewrite (eq_density _ (p' := two_masks p1 p0)) => [|[]] //.
  exact: (@fails_law R v d N0 p1 p0 h1 h0 (lost d p0) (steps_lost d p0)).
case: (lerP 1 (Num.min (primal_loss v) (dual_loss v))) => _.
  by exists pred0; split=> //; rewrite subrr Pr_ge0 // => -[].
by case: (lerP (primal_loss v) (dual_loss v)).
Qed.

(* rep: any decidable event that holds wherever the target is represented *)
Variable rep : pred mask.
Hypothesis repP : forall w, represented w -> rep w.

(* colours by any rule that looks at the mask of the outputs alone *)
Theorem coloured_law (colour : {ffun top -> bool} -> option colouring) :
  (forall u c, colour u = Some c -> serves c u) ->
  Ex (fun _ : top => p2) (fun u => if colour u is Some c then 1 - loss #|used c| else 0) <= Pr density rep.
Proof.
move=> served; rewrite /(Pr density) fubini; apply: le_Ex => // u.
rewrite -[X in _ <= X]/(Pr lower_density (fun a => rep (glue a u))).
have P01 e : 0 <= lower_density e <= 1 by case: e.
case cu: (colour u) => [c|]; last exact: Pr_ge0.
have [A [Ah le]] := often (@enum_val_inj _ (used c)); apply: le_trans le _.
apply: le_Pr => // a /Ah ha; apply/repP/(coded_source _ _ ha (served _ _ cu)) => [|z zc]; first exact: enum_val_inj.
by exists (enum_rank_in zc z); rewrite enum_rankK_in.
Qed.

Lemma loss_le1 v : loss v <= 1. Proof. by rewrite /loss ge_min lexx. Qed.

Lemma lost_ge0 m (p : R) k : 0 <= p <= 1 -> 0 <= lost m p k.
Proof.
move=> /andP[q0 q1]; rewrite /lost; case: ifP => _; first exact: ler01.
rewrite le_min ler01 /=; apply: sumr_ge0 => t _.
by rewrite mulr_ge0 ?ler0n // exprn_ge0 // subr_ge0.
Qed.

Lemma eps_ge0 m N (a b : R) : 0 <= a <= 1 -> 0 <= b <= 1 -> 0 <= eps m N a b.
Proof.
move=> a01 /andP[b0 b1']; apply: sumr_ge0 => k _; rewrite mulr_ge0 ?lost_ge0 //.
by rewrite /bin_mass !mulr_ge0 ?ler0n ?exprn_ge0 // subr_ge0.
Qed.

Lemma loss_ge0 v : 0 <= loss v.
Proof. by rewrite /loss !le_min ler01 !mulr_ge0 ?ler0n ?eps_ge0. Qed.

(* every output has neurons of its own *)
Definition reads_of (o : O) (j : 'I_n) : bool := W2 o j != 0.
Definition pairs : nat := #|[pred x : O * 'I_n | reads_of x.1 x.2]|.

Theorem matching_law (z0 : 'I_N1) :
  1 - (\sum_(T : {set O} | T != set0) too_few [finType of 'I_N1] p2 reads_of T + loss pairs) <= Pr density rep.
Proof.
pose paint (f : {ffun O * 'I_n -> 'I_N1}) : colouring :=
  [ffun z => omap snd [pick x | reads_of x.1 x.2 && (f x == z)]].
pose colour u := omap paint [pick f | assigned reads_of u f].
have painted u f : assigned reads_of u f -> serves (paint f) u /\ #|used (paint f)| = pairs.
  move=> /andP[/dinjectiveP fi /forallP fu].
  have at_f x : reads_of x.1 x.2 -> paint f (f x) = Some x.2.
    move=> rx; rewrite ffunE; case: pickP => [y /andP[ry /eqP e]|/(_ x)]; last by rewrite rx eqxx.
    by rewrite (fi y x).
  split=> [o j nz|]; first by exists (f (o, j)); split; [exact: (at_f (o, j) nz)|have := fu (o, j); rewrite /reads_of /= nz].
  rewrite /pairs -(card_in_image fi); apply: eq_card => z; rewrite inE.
  apply/idP/imageP => [|[x rx ->]]; last by rewrite at_f.
  by rewrite ffunE; case: pickP => // x /andP[rx /eqP<-] _; exists x.
apply: le_trans (coloured_law (colour := colour) _); last first.
  move=> u c; rewrite /colour; case: pickP => // f uf [<-]; by have [] := painted u f uf.
have step : 1 - (\sum_(T : {set O} | T != set0) too_few [finType of 'I_N1] p2 reads_of T + loss pairs) <=
    (1 - loss pairs) * Pr (fun _ : top => p2) (private reads_of (Z := [finType of 'I_N1])).
  have hall := private_law reads_of h2 z0; have := @Pr_le1 _ _ (fun _ : top => p2) (fun=> h2) (private reads_of (Z := [finType of 'I_N1])).
  move=> le1; rewrite mulrBl mul1r opprD addrA; apply: lerB hall _.
  by rewrite ler_piMr ?loss_ge0.
apply: le_trans step _; rewrite /Pr -ExZ; apply: le_Ex => // u; rewrite /colour /private.
case: pickP => [f uf|none] /=; last by rewrite (_ : [exists f, _] = false) ?mulr0 //; apply/existsP => -[f]; rewrite none.
have [_ /= ->] := painted u f uf; rewrite (_ : [exists f, _] = true) ?mulr1 //.
by apply/existsP; exists f.
Qed.

(* outputs one after another, classes that grow as they need *)
Definition reads_set (o : O) : {set 'I_n} := [set j | reads_of o j].

(* what is kept with classes of sizes g *)
Definition kept (g : {ffun 'I_n -> nat}) : R := 1 - loss (\sum_j g j).

Theorem sequential_coded :
  chains reads_set p2 kept (enum O) [ffun=> 0%N] -
  short [finType of 'I_N1] reads_set p2 (enum O) [ffun=> 0%N] <= Pr density rep.
Proof.
pose colour u := run reads_set (enum O) [ffun=> None] u.
apply: le_trans (coloured_law (colour := colour) _); last first.
  move=> u c /run_serves[_ served] o j nz; apply: served; first by rewrite mem_enum.
  by rewrite inE.
have F01 g : 0 <= kept g <= 1 by rewrite subr_ge0 loss_le1 lerBlDl lerDr loss_ge0.
rewrite -(sizes_none [finType of 'I_N1]); have := greedy_bound reads_set h2 F01 ([ffun=> None] : colouring) (enum_uniq O) => /le_trans; apply.
apply: le_Ex => // u; rewrite -/(colour u); case: (colour u) => // c.
by rewrite /kept used_sizes lexx.
Qed.
End Coded.
