(* Factored sources, whole networks: every target of the given widths, exactly, with the stated probability.         *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli exact_laws factored factored_law small_sets factored_mixed factored_mixed_law.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* what depends on a part of the edges has the law of that part *)
Section Part.
Variables (R : realFieldType) (E E' : finType) (p : E -> R) (h : E' -> E).
Hypothesis hi : injective h.

Definition part (w : {ffun E -> bool}) : {ffun E' -> bool} := [ffun e => w (h e)].

Lemma Ex_part (f : {ffun E' -> bool} -> R) : Ex p (fun w => f (part w)) = Ex (fun e => p (h e)) f.
Proof.
transitivity (Ex p (fun w => \sum_(u : {ffun E' -> bool}) f u * \prod_e \prod_(e' | h e' == e) (w e == u e')%:R)).
  apply: eq_Ex => w; rewrite (bigD1 (part w)) //= [X in _ + X]big1 ?addr0.
    rewrite big1 ?mulr1 // => e _; rewrite big1 // => e' /eqP<-; by rewrite ffunE eqxx.
  move=> u /eqP ne; have [e' ne'] : exists e', w (h e') != u e'.
    apply/existsP; rewrite -negb_forall; apply/negP => /forallP eq; apply: ne.
    by apply/ffunP => e; rewrite ffunE (eqP (eq e)).
  by rewrite (bigD1 (h e')) //= (bigD1 e') //= (negbTE ne') !mul0r mulr0.
rewrite Ex_sum; apply: eq_bigr => u _; rewrite ExZ mulrC; congr (_ * _).
rewrite (Ex_prod p (fun e c => \prod_(e' | h e' == e) (c == u e')%:R)) /mass.
rewrite [RHS](partition_big h xpredT) //=; apply: eq_bigr => e _.
case: (pickP (fun e' => h e' == e)) => [e' he|none]; last first.
  by rewrite !big_pred0 // !mulr1 addrC subrK.
have one (F : E' -> R) : \prod_(e'' | h e'' == e) F e'' = F e'.
  rewrite (bigD1 e') //= big1 ?mulr1 // => e'' /andP[/eqP he'' ne].
  by case/eqP: ne; apply: hi; rewrite he'' (eqP he).
rewrite !one /wt (eqP he); case: (u e'); by rewrite /= ?mulr1 ?mulr0 ?addr0 ?add0r.
Qed.
End Part.

(* one map, read forwards or backwards: from inputs to outputs, or from outputs to inputs *)
Section Orientation.
Variables (R : realFieldType) (n m N : nat) (p1 p2 : R).
Local Notation pair_mask n m := {ffun [finType of ('I_m * 'I_N) + ('I_N * 'I_n)] -> bool}.

Definition turn (e : 'I_n * 'I_N + 'I_N * 'I_m) : 'I_m * 'I_N + 'I_N * 'I_n :=
  match e with inl e => inr (e.2, e.1) | inr e => inl (e.2, e.1) end.

Lemma turn_inj : injective turn.
Proof. by move=> [[x y]|[x y]] [[z t]|[z t]] //= [-> ->]. Qed.

(* what the mixed theorem asks for does not hold *)
Definition pair_bad (backwards : bool) (kappa f : nat) (w : pair_mask n m) : bool :=
  if backwards then let v : pair_mask m n := part turn w in mixed_bad kappa f [ffun e => v (inr e)] [ffun e => v (inl e)]
  else mixed_bad kappa f [ffun e => w (inr e)] [ffun e => w (inl e)].

Let glued n' m' (w : pair_mask n' m') : glue [ffun e => w (inl e)] [ffun e => w (inr e)] = w.
Proof. by apply/ffunP => -[e|e]; rewrite !ffunE. Qed.

Lemma pair_contains (backwards : bool) kappa f (w : pair_mask n m) :
  (0 < N)%N -> (f < if backwards then m else n)%N -> ~~ pair_bad backwards kappa f w ->
  contains_all R (reads w) (read_by w).
Proof.
move=> N0; rewrite /pair_bad; case: backwards => fn /(mixed_matchings fn N0); rewrite glued => /(@mixed R) //.
move=> h; apply: contains_transposed => W; have [A [B [oA oB e]]] := h W; exists A, B.
by split=> // [o j nS|j i nS]; [apply: oA|apply: oB]; move: nS; rewrite /read_by /reads ffunE.
Qed.

Lemma pair_law (backwards : bool) kappa f rho g1 g2 :
  let n' := if backwards then m else n in let m' := if backwards then n else m in
  let p1' := if backwards then p2 else p1 in let p2' := if backwards then p1 else p2 in
  0 <= p1 <= 1 -> 0 <= p2 <= 1 -> 0 <= rho <= 1 -> (0 < N)%N -> (kappa <= N.+1)%N ->
  N%:R * rho * fewer p1' kappa N <= \sum_(i < kappa) bin_mass p1' N i * i%:R -> steps m' p2' g1 -> steps f rho g2 ->
  Pr (@two_masks R n m N p1 p2) (pair_bad backwards kappa f) <= mixed_loss n' m' N p1' p2' kappa f g1 g2.
Proof.
case: backwards => /= h1 h2 h3 N0 kN mean gs1 gs2; last exact: (mixed_law n h1 h2 h3 N0 kN mean gs1 gs2).
apply: le_trans (mixed_law m h2 h1 h3 N0 kN mean gs1 gs2); rewrite le_eqVlt; apply/orP; left; apply/eqP.
rewrite /Pr (Ex_part (@two_masks R n m N p1 p2) turn_inj
  (fun v : pair_mask m n => (mixed_bad kappa f [ffun e => v (inr e)] [ffun e => v (inl e)])%:R)).
apply: eq_bigr => v _; congr (_ * _); apply: eq_bigr => e _; rewrite /wt; by case: e.
Qed.
End Orientation.

Section Network.
Variables (R : realFieldType) (L : nat) (d inner : nat -> nat) (act : nat -> R -> R).
Variables (W : forall l, 'M[R]_(d l.+1, d l)) (b : forall l, 'cV[R]_(d l.+1)).
Variables (p1 p2 : nat -> R).
Hypotheses (h1 : forall l, (l < L)%N -> 0 <= p1 l <= 1) (h2 : forall l, (l < L)%N -> 0 <= p2 l <= 1).
Hypothesis inner0 : forall l, (l < L)%N -> (0 < inner l)%N.

(* the edges of a pair of masked maps, from d l neurons to inner l and on to d l.+1 *)
Definition pair_of (l : nat) : finType :=
  [finType of ('I_(d l.+1) * 'I_(inner l)) + ('I_(inner l) * 'I_(d l))].
Definition edge : finType := [finType of {l : 'I_L & pair_of l}].
Definition in_layer (l : 'I_L) (e : pair_of l) : edge := @Tagged 'I_L l (fun l => pair_of l) e.
Definition density (e : edge) : R := two_masks (p1 (tag e)) (p2 (tag e)) (tagged e).
Local Notation mask := {ffun edge -> bool}.

Definition reads_in (w : mask) (l : nat) (j : 'I_(inner l)) (i : 'I_(d l)) : bool :=
  if Sumbool.sumbool_of_bool (l < L)%N is left lL then w (@in_layer (Ordinal lL) (inr (j, i))) else false.
Definition read_by_in (w : mask) (l : nat) (o : 'I_(d l.+1)) (j : 'I_(inner l)) : bool :=
  if Sumbool.sumbool_of_bool (l < L)%N is left lL then w (@in_layer (Ordinal lL) (inl (o, j))) else false.

(* weights on the masks, with linear inner neurons, that compute what the target computes, on every input *)
Definition represented (w : mask) : Prop := exists A B c e,
  on_masks (reads_in w) (read_by_in w) A B L /\ forall x, source act id A B c e x L = target act W b x L.

Let in_layer_inj l : injective (@in_layer l).
Proof. by move=> e e' /eqP; rewrite /in_layer eq_Tagged => /eqP. Qed.

(* of each pair: how it is read, how many inputs are set aside, below which number of readers, and what that costs *)
Variables (backwards : nat -> bool) (kappa f : nat -> nat) (loss : nat -> R).
Hypothesis fewer_aside : forall l, (l < L)%N -> (f l < if backwards l then d l.+1 else d l)%N.
Hypothesis rare : forall l, (l < L)%N ->
  Pr (@two_masks R (d l) (d l.+1) (inner l) (p1 l) (p2 l)) (@pair_bad (d l) (d l.+1) (inner l) (backwards l) (kappa l) (f l)) <= loss l.
Let pair_fails (l : 'I_L) (u : {ffun pair_of l -> bool}) := pair_bad (backwards l) (kappa l) (f l) u.

Let layers w : (forall l : 'I_L, ~~ pair_fails (part (@in_layer l) w)) ->
  forall l, (l < L)%N -> contains_all R (reads_in w (l := l)) (read_by_in w (l := l)).
Proof.
move=> ok l lL; have := @pair_contains R _ _ _ _ _ _ _ (inner0 lL) (fewer_aside lL) (ok (Ordinal lL)) => holds W'.
have [A [B [oA oB e]]] := holds W'; exists A, B; split=> // [o j|j i]; rewrite /read_by_in /reads_in;
  case: Sumbool.sumbool_of_bool => [lL'|]; rewrite ?lL // (bool_irrelevance lL' lL) => nS.
  by apply: oA; rewrite /read_by ffunE.
by apply: oB; rewrite /reads ffunE.
Qed.

Definition failure : R := \sum_(l < L) loss l.

Lemma all_maps (rep : pred mask) :
  (forall w, (forall l, (l < L)%N -> contains_all R (reads_in w (l := l)) (read_by_in w (l := l))) -> rep w) ->
  1 - failure <= Pr density rep.
Proof.
move=> repP; have P01 e : 0 <= density e <= 1 by case: e => l [x|x]; rewrite /density /= ?h1 ?h2.
have le : Pr density (fun w => [exists l : 'I_L, pair_fails (part (@in_layer l) w)]) <= failure.
  apply: le_trans (Pr_exists P01 _) _; apply: ler_sum => l _.
  rewrite /Pr (Ex_part density (@in_layer_inj l) (fun u => (pair_fails u)%:R)).
  exact: (rare (ltn_ord l)).
apply: (@le_trans _ _ (Pr density (predC (fun w => [exists l : 'I_L, pair_fails (part (@in_layer l) w)])))).
  by rewrite PrC lerD2l lerN2.
by apply: le_Pr => // w /=; rewrite negb_exists => /forallP ok; apply/repP/layers.
Qed.

Theorem factored_network (rep : pred mask) : (forall w, represented w -> rep w) -> 1 - failure <= Pr density rep.
Proof.
move=> repP; apply: all_maps => w all; apply: repP.
have [A [B [c [e [oAB eq]]]]] := linear_source act W b all.
by exists A, B, c, e; split=> // x; rewrite eq.
Qed.

(* with ReLU in the inner layers: the same on the box |x_i| <= M; the activations keep bounded what is bounded *)
Definition represented_relu (M : R) (w : mask) : Prop := exists A B c e,
  on_masks (reads_in w) (read_by_in w) A B L /\
  forall x, within M x -> source act (@relu R) A B c e x L = target act W b x L.

Theorem factored_network_relu (M : R) (rep : pred mask) :
  (forall l C, exists C', forall x, `|x| <= C -> `|act l x| <= C') ->
  (forall w, represented_relu M w -> rep w) -> 1 - failure <= Pr density rep.
Proof.
move=> bounded repP; apply: all_maps => w all; apply: repP.
have [A [B [c [e [oAB eq]]]]] := relu_source W b bounded M all.
by exists A, B, c, e; split=> // x xM; rewrite eq.
Qed.
End Network.
