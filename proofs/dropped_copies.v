(* Dropped copies: one target hidden layer J, outputs O, inputs I; C copies a hidden neuron, K an input.               *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction exact_laws.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Drop.
Variables (R : realFieldType) (I J O K C : finType) (p1 p2 : R).
Variables (W1 : J -> I -> R) (W2 : O -> J -> R).
Local Notation E1 := ((J * C) * (I * K))%type.
Local Notation E2 := (O * (J * C))%type.
Local Notation E := [finType of E1 + E2].
Local Notation mask := {ffun E -> bool}.
Definition dens : E -> R := joint (fun _ : E1 => p1) (fun _ : E2 => p2).

Definition good (j : J) (c : C) (w : mask) : bool :=
  [forall i, (W1 j i != 0) ==> [exists k, w (inl ((j, c), (i, k)))]].
Definition drop_ok (w : mask) : bool :=
  [forall x : O * J, (W2 x.1 x.2 != 0) ==> [exists c, w (inr (x.1, (x.2, c))) && good x.2 c w]].
Definition fan_in j : nat := #|[pred i | W1 j i != 0]|.
Definition g j : R := (1 - (1 - p1) ^+ #|K|) ^+ fan_in j.

Lemma good_law j c : Pr dens (good j c) = g j.
Proof.
pose grp (e : E) : option I := if e is inl x then (if x.1 == (j, c) then Some x.2.1 else None) else None.
pose A (o : option I) (w : mask) := if o is Some i then (W1 j i != 0) ==> [exists k, w (inl ((j, c), (i, k)))] else true.
rewrite (eq_Pr _ (A' := fun w : mask => [forall o, A o w])); last first.
  by move=> w; apply/forallP/forallP => [h [i|] //|h i]; [exact: (h i)|exact: (h (Some i))].
rewrite (Pr_blocks _ (grp := grp)); last first.
  move=> [i|] w w' e //; congr (_ ==> _); apply: eq_existsb => k.
  by rewrite e //= eqxx.
rewrite (bigID (pred1 None)) /= big_pred1_eq [X in X * _](_ : _ = 1) ?mul1r; last exact: Ex_cst.
rewrite (reindex_omap Some id) /=; last by case.
rewrite (eq_bigl predT) => [|i]; last by rewrite /= eqxx.
rewrite /g /fan_in -prodr_const [RHS]big_mkcond /=; apply: eq_bigr => i _; rewrite inE.
rewrite /A; case: (W1 j i != 0) => /=; last exact: Ex_cst.
transitivity (Pr dens (fun w : mask => [exists e, (if e is inl x then (x.1 == (j, c)) && (x.2.1 == i) else false) && w e])).
  apply: eq_Pr => w; apply/existsP/existsP => [[k h]|[[[jc [i' k]] /= /andP[/andP[/eqP-> /eqP->] h]|//]]].
    by exists (inl ((j, c), (i, k))); rewrite /= !eqxx.
  by exists k.
rewrite (Pr_hit _ (fun e => if e is inl x then (x.1 == (j, c)) && (x.2.1 == i) else false)); congr (1 - _).
rewrite big_sumType /= [X in _ * X]big_pred0 // mulr1 prodr_const; congr (_ ^+ _).
have gi : injective (fun k : K => ((j, c), (i, k))) by move=> k k' [].
rewrite -cardsT -(card_imset _ gi); apply: eq_card => -[jc [i' k]]; rewrite unfold_in /=.
by apply/andP/imsetP => [[/eqP-> /eqP->]|[k' _ [-> -> _]]]; [exists k|rewrite !eqxx].
Qed.

Lemma served_law o j : Pr dens (fun w : mask => [exists c, w (inr (o, (j, c))) && good j c w]) = 1 - (1 - p2 * g j) ^+ #|C|.
Proof.
pose grp (e : E) : C := match e with inl x => x.1.2 | inr x => x.2.2 end.
transitivity (Pr dens (predC (fun w : mask => [forall c, ~~ (w (inr (o, (j, c))) && good j c w)]))).
  by apply: eq_Pr => w /=; rewrite negb_forall; apply: eq_existsb => c; rewrite negbK.
rewrite PrC; congr (1 - _); rewrite (Pr_blocks _ (grp := grp)); last first.
  move=> c w w' e; congr (~~ (_ && _)); first by rewrite e.
  by apply: eq_forallb => i; congr (_ ==> _); apply: eq_existsb => k; rewrite e.
rewrite (eq_bigr (fun=> 1 - p2 * g j)) ?prodr_const // => c _.
rewrite -[LHS]/(Pr _ (predC (fun w : mask => w (inr (o, (j, c))) && good j c w))) PrC; congr (1 - _).
pose B (x : bool) (w : mask) := if x then w (inr (o, (j, c))) else good j c w.
rewrite (eq_Pr _ (A' := fun w : mask => [forall x, B x w])); last first.
  by move=> w; apply/andP/forallP => [[? ?] []|h] //; split; [exact: (h true)|exact: (h false)].
rewrite (Pr_blocks _ (grp := fun e => if e is inl _ then false else true)); last first.
  move=> [] w w' e; rewrite /B ?e //.
  by apply: eq_forallb => i; congr (_ ==> _); apply: eq_existsb => k; rewrite e.
rewrite big_bool /B good_law; congr (_ * _).
transitivity (Pr dens (fun w : mask => [exists e, (e == inr (o, (j, c))) && w e])).
  by apply: eq_Pr => w; apply/idP/existsP => [h|[e /andP[/eqP->]]] //; exists (inr (o, (j, c))); rewrite eqxx.
by rewrite (Pr_hit _ (pred1 (inr (o, (j, c))))) big_pred1_eq /= subKr.
Qed.

Hypotheses (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1).

(* Theorem I1 in algebraic form *)
Theorem drop_bound : 1 - \sum_(x : O * J | W2 x.1 x.2 != 0) (1 - p2 * g x.2) ^+ #|C| <= Pr dens drop_ok.
Proof.
have d01 (e : E) : 0 <= dens e <= 1 by case: e.
rewrite lerBlDl -lerBlDr -PrC.
apply: (@le_trans _ _ (Pr dens (fun w : mask => [exists x : O * J, (W2 x.1 x.2 != 0) && ~~ [exists c, w (inr (x.1, (x.2, c))) && good x.2 c w]]))).
  apply: le_Pr => // w; rewrite /= /drop_ok negb_forall => /existsP[x]; rewrite negb_imply => h.
  by apply/existsP; exists x.
apply: le_trans (Pr_exists d01 _) _; rewrite [X in _ <= X]big_mkcond /=; apply: ler_sum => x _.
case: (W2 x.1 x.2 != 0) => /=; last by rewrite (eq_Pr _ (A' := fun=> false)) // /Pr Ex_cst.
by rewrite -[X in X <= _]/(Pr dens (predC _)) PrC served_law subKr.
Qed.

(* the network: layer 0 dense; bad copies are left out *)
Variables (act : R -> R) (b1 : J -> R) (b2 : O -> R) (lo : I -> R).
Definition target2 (x : I -> R) (o : O) : R := \sum_j W2 o j * act (\sum_i W1 j i * x i + b1 j) + b2 o.
Definition source2 (u : I * K -> I -> R) (c0 : I * K -> R) (v : J * C -> I * K -> R) (c1 : J * C -> R)
    (a : O -> J * C -> R) (e : O -> R) (x : I -> R) (o : O) : R :=
  \sum_jc a o jc * act (\sum_ik v jc ik * relu (\sum_i u ik i * x i + c0 ik) + c1 jc) + e o.
Definition represented2 (w : mask) : Prop :=
  exists u c0 v c1 a e, [/\ forall jc ik, ~~ w (inl (jc, ik)) -> v jc ik = 0, forall o jc, ~~ w (inr (o, jc)) -> a o jc = 0
    & forall x, (forall i, lo i <= x i) -> forall o, source2 u c0 v c1 a e x o = target2 x o].

(* with every neuron of layer 0 reading its input *)
Lemma drop_construction_id w : drop_ok w -> exists v c1 a e,
  [/\ forall jc ik, ~~ w (inl (jc, ik)) -> v jc ik = 0, forall o jc, ~~ w (inr (o, jc)) -> a o jc = 0
    & forall x, (forall i, lo i <= x i) -> forall o,
      source2 (fun ik i => (ik.1 == i)%:R) (fun ik => - lo ik.1) v c1 a e x o = target2 x o].
Proof.
move=> dw.
pose pk jc i := [pick k | w (inl (jc, (i, k)))].
pose pc o j := [pick c | w (inr (o, (j, c))) && good j c w].
pose v (jc : J * C) (ik : I * K) : R := if pk jc ik.1 == Some ik.2 then W1 jc.1 ik.1 else 0.
pose a o (jc : J * C) : R := if pc o jc.1 == Some jc.2 then W2 o jc.1 else 0.
exists v, (fun jc => b1 jc.1 + \sum_i W1 jc.1 i * lo i), a, b2.
split=> [[j c] [i k] n|o [j c] n|x bx o].
- by rewrite /v /pk; case: pickP => [k' hk|] //=; case: eqP => // -[e]; rewrite -e hk in n.
- by rewrite /a /pc; case: pickP => [c' /andP[hc _]|] //=; case: eqP => // -[e]; rewrite -e hc in n.
have h0 (i : I) (k : K) : relu (\sum_i' (i == i')%:R * x i' + - lo i) = x i - lo i.
  rewrite (bigD1 i) //= eqxx mul1r big1 ?addr0 ?relu_id ?subr_ge0 // => i' /negbTE.
  by rewrite eq_sym => ->; rewrite mul0r.
have h1' j c : good j c w -> \sum_ik v (j, c) ik * relu (\sum_i (ik.1 == i)%:R * x i + - lo ik.1) + (b1 j + \sum_i W1 j i * lo i) =
    \sum_i W1 j i * x i + b1 j.
  move=> /forallP gd; rewrite addrA addrAC; congr (_ + _).
  transitivity (\sum_i \sum_k (if pk (j, c) i == Some k then W1 j i else 0) * (x i - lo i) + \sum_i W1 j i * lo i).
    by congr (_ + _); rewrite pair_big /=; apply: eq_bigr => -[i k] _ /=; rewrite h0.
  rewrite -big_split /=; apply: eq_bigr => i _; rewrite /pk; case: pickP => [k hk|none].
    rewrite (bigD1 k) //= eqxx big1 ?addr0 => [|k' nk]; first by rewrite mulrBr subrK.
    by case: eqP => [[e]|_]; [rewrite e eqxx in nk|rewrite mul0r].
  rewrite big1 ?add0r => [|k _]; last by rewrite mul0r.
  case: (eqVneq (W1 j i) 0) => [->|nz]; first by rewrite !mul0r.
  by have := gd i; rewrite nz /= => /existsP[k]; rewrite none.
rewrite /source2 /target2; congr (_ + _).
transitivity (\sum_j \sum_c (if pc o j == Some c then W2 o j else 0) * act (\sum_i W1 j i * x i + b1 j)).
  rewrite pair_big /=; apply: eq_bigr => -[j c] _ /=; rewrite /a /=.
  case: eqP => [e|_]; last by rewrite !mul0r.
  by rewrite h1' //; move: e; rewrite /pc; case: pickP => // c' /andP[_ gc] [<-].
apply: eq_bigr => j _; rewrite /pc; case: pickP => [c hc|none].
  rewrite (bigD1 c) //= eqxx [X in _ + X]big1 ?addr0 // => c' nc.
  by case: eqP => [[e]|_]; [rewrite e eqxx in nc|rewrite mul0r].
rewrite big1 => [|c _]; last by rewrite mul0r.
case: (eqVneq (W2 o j) 0) => [->|nz]; first by rewrite mul0r.
by have /forallP/(_ (o, j)) := dw; rewrite /= nz /= => /existsP[c]; rewrite none.
Qed.

Theorem drop_construction w : drop_ok w -> represented2 w.
Proof. by move=> /drop_construction_id[v [c1 [a [e h]]]]; exists (fun ik i => (ik.1 == i)%:R), (fun ik => - lo ik.1), v, c1, a, e. Qed.

Theorem theoremI1 (rep : pred mask) : (forall w, represented2 w -> rep w) ->
  1 - \sum_(x : O * J | W2 x.1 x.2 != 0) (1 - p2 * g x.2) ^+ #|C| <= Pr dens rep.
Proof.
move=> repP; apply: le_trans drop_bound _; apply: le_Pr; first by case.
by move=> w /drop_construction; exact: repP.
Qed.
End Drop.
