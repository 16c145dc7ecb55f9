(* Layer 0 masked too, any depth: the laws of Theorems 2.1 and 2.2 with neurons matched to inputs, or preassigned.      *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names hall factored_law factored_network dropped_copies masked_layer_0.
From ERProofs Require Import bernoulli block_construction theorem_2_2 exact_laws masked_networks.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* every needed block has an edge that is alive *)
Lemma alive_law (R : realFieldType) (E B : finType) (p : E -> R) (grp : E -> B) (need : pred B) (al : pred E) :
  Pr p (fun w => served grp need [ffun e => w e && al e]) =
  \prod_(b | need b) (1 - \prod_(e | (grp e == b) && al e) (1 - p e)).
Proof.
rewrite (eq_Pr _ (A' := fun w => [forall b, need b ==> [exists e, ((grp e == b) && al e) && w e]])); last first.
  by move=> w; apply: eq_forallb => b; congr (_ ==> _); apply: eq_existsb => e; rewrite ffunE andbCA andbC -andbA.
rewrite (Pr_blocks _ (grp := grp)); last first.
  move=> b w w' h; congr (_ ==> _); apply: eq_existsb => e.
  by case: eqP => //= /h->.
rewrite [RHS]big_mkcond; apply: eq_bigr => b _; case: (need b) => /=; last exact: Ex_cst.
exact: (Pr_hit _ (fun e => (grp e == b) && al e)).
Qed.

Section Laws.
Variables (R : realFieldType) (T : nat -> finType) (D : nat).
Local Notation L := D.+1.
Variables (act : nat -> R -> R) (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R).
Variables (q : nat -> nat) (lo : T 0%N -> R) (p : nat -> R) (p0 : R).
Hypotheses (p01 : forall l, 0 <= p l <= 1) (h0 : 0 <= p0 <= 1).
Local Notation K := [finType of 'I_(q 0%N)].

Section Matched.
Variable Z : finType.
Local Notation lower := [finType of Z * T 0%N].
Let P0 (e : lower) : 0 <= p0 <= 1. Proof. by []. Qed.
Variable rep : pred (full_mask T D q Z).
Hypothesis repP : forall w, represented_masked act W b lo w -> rep w.

(* any event on the mask of a dense layer 0 that is enough there *)
Theorem matched_deep (A : pred (mask T L q)) : (forall r, A r -> represented_id act W b lo r) ->
  Pr (fun _ : lower => p0) (@matchable (T 0%N) K Z) * Pr (density (q := q) p) A <= Pr (full_density p p0) rep.
Proof.
move=> AP; rewrite /(Pr (full_density p p0)) /full_density fubini mulrC -ExZ; apply: le_Ex => // a.
have P1 (e : upper T D q Z) : 0 <= masked_networks.upper_density p e <= 1 by exact: p01.
rewrite -[Ex _ (fun _ => _)]/(Pr (masked_networks.upper_density p) (fun u => rep (glue u a))).
case: (boolP (@matchable (T 0%N) K Z a)) => [/existsP[f /andP[/injectiveP fi /forallP al]]|_]; last by rewrite mulr0 Pr_ge0.
rewrite mulr1 (_ : Pr _ A = Pr (masked_networks.upper_density p) (fun u => A (masked_networks.seen f (glue u a)))).
  by apply: le_Pr => // u /AP/(transport_deep fi)/repP.
rewrite (seen_law_deep fi); apply: eq_Pr => r; congr (A _); apply/ffunP => e; rewrite ffunE.
by case: e => [[[|l] h] [v u]]; rewrite /alive /= ?al andbT.
Qed.

Theorem matched22 (z0 : Z) :
  (1 - hall_failure (T 0%N) K Z p0) * \prod_(l < L) (1 - (1 - p l) ^+ q l) ^+ (nonzeros W l * q l.+1) <=
  Pr (full_density p p0) rep.
Proof.
apply: le_trans (matched_deep (A := served (@block_of T L q) (needed W (q := q))) _); last first.
  by move=> r sr; exact: construction_id.
rewrite law22; apply: ler_wpM2r; last exact: matchable_law.
apply: prodr_ge0 => l _; rewrite exprn_ge0 // subr_ge0 exprn_ile1 //; have /andP[x y] := p01 l.
  by rewrite subr_ge0.
by rewrite lerBlDr lerDl.
Qed.
End Matched.

(* neuron (i, k) of layer 0 belongs to input i, and is alive if the mask lets it read that input *)
Section Preassigned.
Local Notation Z := [finType of T 0%N * 'I_(q 0%N)].
Local Notation lower := [finType of Z * T 0%N].
Implicit Type a : {ffun lower -> bool}.
Local Notation own := (@id (T 0%N * 'I_(q 0%N))).
Definition live a (i : T 0%N) : nat := #|[pred k : 'I_(q 0%N) | a ((i, k), i)]|.
Definition fan_out (i : T 0%N) : nat := #|[pred v : T 1%N | @W 0%N v i != 0]|.
Let live_at a l : T l -> nat := match l with 0%N => live a | k.+1 => fun=> q k.+1 end.

Let alive_size a (B : block T L q) :
  \prod_(e : edge T L q | (block_of e == B) && masked_networks.alive own a e) (1 - density p e) =
  (1 - p (tag B)) ^+ live_at a (tagged B).2.
Proof.
case: B => l [v u] /=.
pose h (k : 'I_(q l)) : edge T L q := @Tagged 'I_L l (edges_at T q) (v, (u, k)).
pose P : {set 'I_(q l)} := [set k | masked_networks.alive own a (h k)].
have hi : injective h by move=> k k' /eqP; rewrite /h eq_Tagged => /eqP[].
have him e : (block_of e == @Tagged 'I_L l (blocks_at T q) (v, u)) && masked_networks.alive own a e = (e \in [set h k | k in P]).
  apply/andP/imsetP => [[/eqP he ae]|[k + ->]]; last by rewrite inE => ?; split.
  case: e he ae => l' e' he; have el : l' = l := congr1 (@tag _ _) he.
  subst l'; move/eqP: he; rewrite /block_of eq_Tagged /= => /eqP[ev ei].
  by case: e' ev ei => v' [i j] /= -> -> al; exists j; rewrite // inE.
rewrite (eq_bigl _ _ him) big_imset /=; last by move=> k k' _ _; exact: hi.
rewrite (eq_bigr (fun=> 1 - p l)) // prodr_const; congr (_ ^+ _).
rewrite /P /h {P h hi him}; case: l v u => [[|l] lL] v u /=; rewrite /live_at /live.
  by apply: eq_card => k; rewrite !inE.
by rewrite -[RHS]card_ord; apply: eq_card => k; rewrite !inE.
Qed.

Let first_layer a : \prod_(B : [finType of (T 1%N * 'I_(q 1%N)) * T 0%N] | @W 0%N B.1.1 B.2 != 0) (1 - (1 - p 0%N) ^+ live a B.2) =
  \prod_(i : T 0%N) (1 - (1 - p 0%N) ^+ live a i) ^+ (fan_out i * q 1%N).
Proof.
rewrite (partition_big snd xpredT) //=; apply: eq_bigr => i _.
rewrite (eq_bigr (fun=> 1 - (1 - p 0%N) ^+ live a i)) => [|B /andP[_ /eqP->] //].
rewrite prodr_const; congr (_ ^+ _); pose h (x : T 1%N * 'I_(q 1%N)) : [finType of (T 1%N * 'I_(q 1%N)) * T 0%N] := (x, i).
have hi : injective h by move=> x x' [].
transitivity #|[predX [pred v : T 1%N | @W 0%N v i != 0] & 'I_(q 1%N)]|; last by rewrite cardX card_ord.
rewrite -(card_imset _ hi); apply: eq_card => -[[v k] u]; rewrite unfold_in /=.
apply/andP/imsetP => [[nz /eqP eu]|[[v' k'] + [-> _ ->]]]; first by exists (v, k); rewrite ?eu // inE /= inE andbT -eu.
by rewrite !inE /= andbT eqxx.
Qed.

(* the exact law of the block construction on preassigned neurons *)
Definition preassigned_law : R :=
  (\prod_(i : T 0%N) \sum_(k < (q 0%N).+1) bin_mass p0 (q 0%N) k * (1 - (1 - p 0%N) ^+ k) ^+ (fan_out i * q 1%N)) *
  \prod_(l < D) (1 - (1 - p l.+1) ^+ q l.+1) ^+ (nonzeros W l.+1 * q l.+2).

Theorem preassigned_exact : Pr (full_density p p0)
  (fun w => served (@block_of T L q) (needed W (q := q)) (masked_networks.seen own w)) = preassigned_law.
Proof.
have own_inj : injective own by [].
rewrite /Pr /full_density fubini /preassigned_law.
set rest := \prod_(l < D) _.
transitivity (Ex (fun _ : lower => p0) (fun a => rest * \prod_(i : T 0%N) (1 - (1 - p 0%N) ^+ live a i) ^+ (fan_out i * q 1%N))).
  apply: eq_Ex => a; rewrite -[LHS]/(Pr _ (fun u => _)) (seen_law_deep own_inj p (served (@block_of T L q) (needed W (q := q)))).
  rewrite alive_law; under eq_bigr do rewrite alive_size.
  rewrite -(sig_big_dep (I := [finType of 'I_L]) (J := blocks_at T q) xpredT
    (fun l B => @W l B.1.1 B.2 != 0) (fun l B => 1 - (1 - p l) ^+ live_at a B.2)) /=.
  rewrite big_ord_recl mulrC; congr (_ * _); last exact: first_layer.
  apply: eq_bigr => l _; rewrite (eq_bigr (fun=> 1 - (1 - p l.+1) ^+ q l.+1)) // prodr_const.
  by rewrite -(card_needed W q (lift ord0 l)).
rewrite ExZ mulrC; congr (_ * _).
pose F i (k : nat) : R := (1 - (1 - p 0%N) ^+ k) ^+ (fan_out i * q 1%N).
rewrite (Ex_blocks (fun _ : lower => p0) (grp := fun e : lower => e.1.1) (g := fun i a => F i (live a i))); last first.
  by move=> i a a' h; congr (F i _); apply: eq_card => k; rewrite !inE h.
apply: eq_bigr => i _; pose h (k : 'I_(q 0%N)) : lower := ((i, k), i).
have hi : injective h by move=> k k' [].
have := Ex_part (fun _ : lower => p0) hi (fun u => F i #|[pred k | u k]|).
have := binomial_law [finType of 'I_(q 0%N)] p0 (F i); rewrite card_ord => <- <-.
by apply: eq_Ex => a; congr (F i _); apply: eq_card => k; rewrite !inE ffunE.
Qed.

Theorem preassigned22 (rep : pred (full_mask T D q Z)) :
  (forall w, represented_masked act W b lo w -> rep w) -> preassigned_law <= Pr (full_density p p0) rep.
Proof.
move=> repP; rewrite -preassigned_exact; apply: le_Pr => [[e|e] //|w sw]; first exact: p01.
by apply/repP/(transport_deep (f := own)); [by []|exact: construction_id].
Qed.
End Preassigned.
End Laws.
