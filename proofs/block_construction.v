(* Feed-forward networks over a real field, and the block construction of Theorems 2.1 and 2.2 (dense layer 0).      *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Network.
Variable R : realFieldType.

Definition relu (x : R) : R := Num.max 0 x.

Lemma relu_id x : 0 <= x -> relu x = x.
Proof. by move=> h; rewrite /relu max_r. Qed.

Definition affine (I J : finType) (W : J -> I -> R) (b : J -> R) (x : I -> R) (j : J) : R :=
  \sum_i W j i * x i + b j.

(* layer l has neurons T l (T 0: the inputs), act l is the activation of layer l.+1 *)
Fixpoint forward (T : nat -> finType) (act : nat -> R -> R) (W : forall l, T l.+1 -> T l -> R)
    (b : forall l, T l.+1 -> R) (x : T 0%N -> R) (l : nat) {struct l} : T l -> R :=
  match l return T l -> R with
  | 0%N => x
  | k.+1 => fun v => act k (affine (@W k) (@b k) (@forward T act W b x k) v)
  end.
Arguments forward {T} act W b x l.

(* ReLU in the hidden layers, a linear output layer L *)
Definition hidden_relu (L : nat) (l : nat) (x : R) : R := if (l.+1 < L)%N then relu x else x.

Section Copies.
Variables (T : nat -> finType) (L : nat) (act : nat -> R -> R).
Variables (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R).
Variable q : nat -> nat.           (* copies of each neuron of layer l (inputs: l = 0) *)
Variable lo : T 0%N -> R.          (* the box: lo i <= x i *)

(* the source network: its layer 0 is one more hidden layer, of q 0 neurons per input; its layer l.+1 holds q l copies of T l *)
Definition source_layer (l : nat) : finType :=
  if l is k.+1 then [finType of T k * 'I_(q k)] else T 0%N.
Definition source_act (l : nat) : R -> R := if l is k.+1 then act k else relu.

(* possible edges of the masked layers: from copies of layer l to copies of layer l.+1, l < L *)
Definition edges_at (l : 'I_L) : finType := [finType of source_layer l.+2 * source_layer l.+1].
Definition edge : finType := [finType of {l : 'I_L & edges_at l}].
Definition mask := {ffun edge -> bool}.
Definition in_mask (w : mask) l (h : (l < L)%N) (v : source_layer l.+2) (u : source_layer l.+1) : bool :=
  w (@Tagged 'I_L (Ordinal h) edges_at (v, u)).

(* the source network with mask w contains the target, on the box *)
Definition represented (w : mask) : Prop :=
  exists (V : forall l, source_layer l.+1 -> source_layer l -> R) (c : forall l, source_layer l.+1 -> R),
    (forall l (h : (l < L)%N) v u, ~~ in_mask w h v u -> V l.+1 v u = 0) /\
    (forall x : T 0%N -> R, (forall i, lo i <= x i) ->
      forall (o : T L) (k : 'I_(q L)),
        forward source_act V c x L.+1 (o, k) = forward act W b x L o).

(* the same, where neuron (i, k) of layer 0 reads input i only, with weight 1 *)
Definition represented_id (w : mask) : Prop :=
  exists (V : forall l, source_layer l.+1 -> source_layer l -> R) (c : forall l, source_layer l.+1 -> R),
    [/\ forall (v : T 0%N * 'I_(q 0)) (i : T 0%N), V 0%N v i = (v.1 == i)%:R,
      forall l (h : (l < L)%N) v u, ~~ in_mask w h v u -> V l.+1 v u = 0 &
      forall x : T 0%N -> R, (forall i, lo i <= x i) ->
        forall (o : T L) (k : 'I_(q L)),
          forward source_act V c x L.+1 (o, k) = forward act W b x L o].

Lemma represented_by_id w : represented_id w -> represented w.
Proof. by move=> [V [c [_ on out]]]; exists V, c. Qed.

(* a block: the copies of u needed by the copy v of a target neuron *)
Definition blocks_at (l : 'I_L) : finType := [finType of source_layer l.+2 * T l].
Definition block : finType := [finType of {l : 'I_L & blocks_at l}].
Definition block_of (e : edge) : block :=
  @Tagged 'I_L (tag e) blocks_at ((tagged e).1, (tagged e).2.1).
Definition needed (B : block) : bool := W (tagged B).1.1 (tagged B).2 != 0.

(* the construction *)
Theorem construction_id (w : mask) : (0 < L)%N -> served block_of needed w -> represented_id w.
Proof.
move=> L0 sw.
pose shift l : T l -> R := if l is 0%N then lo else fun=> 0.
pose chosen l (h : (l < L)%N) (v : source_layer l.+2) (u : T l) : option 'I_(q l) :=
  [pick k | in_mask w h v (u, k)].
pose V l : source_layer l.+1 -> source_layer l -> R :=
  match l return source_layer l.+1 -> source_layer l -> R with
  | 0%N => fun v i => (v.1 == i)%:R
  | k.+1 => fun v u => if Sumbool.sumbool_of_bool (k < L)%N is left h then
                         if chosen k h v u.1 == Some u.2 then W v.1 u.1 else 0
                       else 0
  end.
pose c l : source_layer l.+1 -> R :=
  match l return source_layer l.+1 -> R with
  | 0%N => fun v => - lo v.1
  | k.+1 => fun v => b v.1 + \sum_u W v.1 u * shift k u
  end.
exists V, c; split=> [//|l h v u nm|x xbox].
  rewrite /V; case: Sumbool.sumbool_of_bool => // h'; case: eqP => // pk.
  move: pk; rewrite /chosen; case: pickP => // k hk [ek].
  by move: hk nm; rewrite ek -surjective_pairing (bool_irrelevance h' h) => ->.
have main l : (l <= L)%N -> forall (u : T l) (k : 'I_(q l)),
    forward source_act V c x l.+1 (u, k) = forward act W b x l u - shift l u.
  elim: l => [_|l IH hl] u k.
    rewrite /= /affine /= (bigD1 u) //= eqxx mul1r big1 ?addr0 => [|i /negbTE]; last first.
      by rewrite eq_sym => ->; rewrite mul0r.
    by rewrite relu_id // subr_ge0.
  have hl' : (l <= L)%N by exact: ltnW.
  rewrite /= subr0; congr (act l _).
  rewrite /affine /=; case: Sumbool.sumbool_of_bool => [h|]; last by rewrite hl.
  transitivity (\sum_(i : T l) \sum_(j : 'I_(q l)) (if chosen l h (u, k) i == Some j then W u i else 0) *
      (forward act W b x l i - shift l i) + (b u + \sum_i W u i * shift l i)).
    congr (_ + _); rewrite pair_big /=; apply: eq_bigr => -[i j] _ /=.
    by rewrite -(IH hl' i j).
  rewrite addrA addrAC; congr (_ + _); rewrite -big_split /=; apply: eq_bigr => i _.
  rewrite /chosen; case: pickP => [j hj|none].
    rewrite (bigD1 j) //= eqxx big1 ?addr0 => [|j' nj]; first by rewrite mulrBr subrK.
    by case: eqP => [[ej]|_]; [rewrite ej eqxx in nj|rewrite mul0r].
  rewrite big1 ?add0r => [|j _]; last by rewrite mul0r.
  suff -> : W u i = 0 by rewrite !mul0r.
  apply/eqP/negP => /negP nz.
  have /forallP/(_ (@Tagged 'I_L (Ordinal h) blocks_at ((u, k), i))) := sw.
  rewrite /needed /= nz /= => /existsP[e /andP[/eqP ge we]].
  case: e ge we => l' e' ge we; have el : l' = Ordinal h := congr1 (@tag _ _) ge.
  subst l'; move/eqP: ge; rewrite /block_of /= eq_Tagged /= => /eqP[ev ei].
  case: e' ev ei we => v' [i' j] /= -> -> we.
  by have := none j; rewrite /in_mask we.
move=> o k; rewrite (main L (leqnn L) o k).
by move: L0; case: (L) o k => [|n] o k //= _; rewrite subr0.
Qed.

Theorem construction (w : mask) : (0 < L)%N -> served block_of needed w -> represented w.
Proof. by move=> L0 sw; apply/represented_by_id/construction_id. Qed.
End Copies.
End Network.
Arguments relu {R} x.
Arguments affine {R I J} W b x j.
Arguments forward {R T} act W b x l.
