(* Layer 0 masked too, any depth: the neurons that hand on inputs are chosen after the mask is seen, or before.       *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names hall factored_law factored_network dropped_copies masked_layer_0.
From ERProofs Require Import bernoulli block_construction theorem_2_2 exact_laws.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Masked.
Variables (R : realFieldType) (T : nat -> finType) (D : nat).
Local Notation L := D.+1.
Variables (act : nat -> R -> R) (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R).
Variables (q : nat -> nat) (lo : T 0%N -> R).
Variable Z : finType.    (* the neurons of layer 0 *)

(* as the source of `block_construction`, but with the neurons Z in layer 0 *)
Definition full_layer (l : nat) : finType :=
  match l with 0%N => T 0%N | 1%N => Z | k.+2 => [finType of T k.+1 * 'I_(q k.+1)] end.
Definition upper_at (l : 'I_L) : finType := [finType of full_layer l.+2 * full_layer l.+1].
Definition upper : finType := [finType of {l : 'I_L & upper_at l}].
Definition lower : finType := [finType of Z * T 0%N].  (* from inputs to layer 0 *)
Definition full_mask := {ffun [finType of upper + lower] -> bool}.
Implicit Types (w : full_mask) (a : {ffun lower -> bool}).
Definition in_upper w l (h : (l < L)%N) (v : full_layer l.+2) (u : full_layer l.+1) : bool :=
  w (inl (@Tagged 'I_L (Ordinal h) upper_at (v, u))).

(* weights on the mask, in layer 0 too, that compute what the target computes, where lo <= x *)
Definition represented_masked w : Prop :=
  exists (V : forall l, full_layer l.+1 -> full_layer l -> R) (c : forall l, full_layer l.+1 -> R),
    [/\ forall z i, ~~ w (inr (z, i)) -> V 0%N z i = 0,
      forall l (h : (l < L)%N) v u, ~~ in_upper w h v u -> V l.+1 v u = 0 &
      forall x : T 0%N -> R, (forall i, lo i <= x i) ->
        forall (o : T L) (k : 'I_(q L)),
          forward (T := full_layer) (source_act act) V c x L.+1 (o, k) = forward act W b x L o].

(* f ik is the neuron that hands on input ik.1, if the mask lets it *)
Variable f : T 0%N * 'I_(q 0%N) -> Z.
Definition place_at (l : nat) : source_layer T q l.+1 -> full_layer l.+1 :=
  match l with 0%N => f | k.+1 => id end.
Definition place (e : edge T L q) : upper := @Tagged 'I_L (tag e) upper_at ((tagged e).1, place_at (tagged e).2).
Definition alive_at a (l : nat) : source_layer T q l.+1 -> bool :=
  match l with 0%N => fun u => a (f u, u.1) | k.+1 => fun=> true end.
Definition alive a (e : edge T L q) : bool := alive_at a (tagged e).2.
Definition lower_part w : {ffun lower -> bool} := [ffun e => w (inr e)].
(* what is left of a mask for the copies *)
Definition seen w : mask T L q := [ffun e => w (inl (place e)) && alive (lower_part w) e].

Hypothesis fi : injective f.

Lemma place_inj : injective place.
Proof.
move=> [l [v u]] [l' [v' u']] e; have el : l = l' := congr1 (@tag _ _) e.
subst l'; move/eqP: e; rewrite /place eq_Tagged /= => /eqP[-> eu].
suff -> : u = u' by [].
by move: eu; case: l u u' {v v'} => [[|l] h] u u' //= /fi.
Qed.

Theorem transport_deep w : represented_id act W b lo (seen w) -> represented_masked w.
Proof.
move=> [V [c [hid hV out]]].
pose inv z := [pick ik | f ik == z].
pose V' l : full_layer l.+1 -> full_layer l -> R :=
  match l return full_layer l.+1 -> full_layer l -> R with
  | 0%N => fun z i => if inv z is Some ik then (if w (inr (z, ik.1)) then (ik.1 == i)%:R else 0) else 0
  | 1%N => fun v z => if inv z is Some ik then V 1%N v ik else 0
  | k.+2 => fun v u => V k.+2 v u
  end.
pose c' l : full_layer l.+1 -> R :=
  match l return full_layer l.+1 -> R with
  | 0%N => fun z => if inv z is Some ik then c 0%N ik else 0
  | k.+1 => fun v => c k.+1 v
  end.
exists V', c'; split=> [z i n|l h v u n|x bx o k].
- rewrite /V' /inv; case: pickP => // ik _; case: ifP => // wz; case: eqP => // e; by rewrite -e wz in n.
- have off v' u' : ~~ seen w (@Tagged 'I_L (Ordinal h) (edges_at T q) (v', u')) -> V l.+1 v' u' = 0.
    by move=> n'; apply: (hV l h).
  case: l h v u n off => [|l] h v u n off /=; last by apply: off; rewrite ffunE /= andbT.
  rewrite /inv; case: pickP => // ik /eqP fz; apply: off.
  by rewrite ffunE /= /place /= fz negb_and n.
rewrite -(out x bx o k).
have main l : (l < L)%N -> forward (T := full_layer) (source_act act) V' c' x l.+2 =1
    forward (source_act act) V c x l.+2.
  elim: l => [h v|l IH h v]; last first.
    rewrite -[LHS]/(act l.+1 (affine (V' l.+2) (c' l.+2) (forward (source_act act) V' c' x l.+2) v)).
    rewrite -[RHS]/(act l.+1 (affine (V l.+2) (c l.+2) (forward (source_act act) V c x l.+2) v)).
    by congr (act _ (_ + _)); apply: eq_bigr => u _; rewrite IH // ltnW.
  rewrite /= /affine; congr (act 0%N (_ + _)).
  rewrite [RHS](partition_big f xpredT) //=; apply: eq_bigr => z _; rewrite /inv; case: pickP => [ik /eqP fz|none].
    rewrite (big_pred1 ik) => [|ik'] /=; last by rewrite -fz (inj_eq fi).
    case: (boolP (w (inr (z, ik.1)))) => [_|dead].
      by congr (_ * relu (_ + _)); apply: eq_bigr => i _; rewrite hid.
    rewrite (hV 0%N h v ik) ?mul0r //.
    by rewrite /in_mask !ffunE /= /alive /= ffunE fz (negbTE dead) andbF.
  by rewrite mul0r big_pred0.
exact: (main D (ltnSn D)).
Qed.

Variables (p : nat -> R) (p0 : R).
Definition upper_density (e : upper) : R := p (tag e).
Definition full_density : upper + lower -> R := joint upper_density (fun _ : lower => p0).
Hypotheses (p01 : forall l, 0 <= p l <= 1) (h0 : 0 <= p0 <= 1).
Let P0 (e : lower) : 0 <= p0 <= 1. Proof. by []. Qed.
Let P1 e : 0 <= upper_density e <= 1. Proof. exact: p01. Qed.

(* given the mask of layer 0, edges to neurons that are alive are there with their densities, the others are not *)
Lemma seen_law_deep (A : pred (mask T L q)) a :
  Pr upper_density (fun u => A (seen (glue u a))) =
  Pr (density (q := q) p) (fun r => A [ffun e => r e && alive a e]).
Proof.
rewrite /Pr -(Ex_part upper_density place_inj (fun r => (A [ffun e => r e && alive a e])%:R)).
apply: eq_Ex => u; congr (A _)%:R; apply/ffunP => e; rewrite !ffunE; congr (_ && alive _ e).
by apply/ffunP => e'; rewrite !ffunE.
Qed.
End Masked.
