(* Masks drawn in parts: given one part, the rest keeps its law; independent bits; and more edges never hurt.           *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli exact_laws.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Parts.
Variables (R : realFieldType) (E : finType) (p : E -> R).
Local Notation mask := {ffun E -> bool}.

(* f of a value that the mask decides is a mean over the values *)
Lemma Ex_values (X : finType) (x : mask -> X) (f : X -> R) :
  Ex p (fun w => f (x w)) = \sum_v Pr p (fun w => x w == v) * f v.
Proof.
transitivity (Ex p (fun w => \sum_v f v * (x w == v)%:R)).
  apply: eq_Ex => w; rewrite (bigD1 (x w)) //= eqxx mulr1 big1 ?addr0 // => v nv.
  by rewrite eq_sym (negbTE nv) mulr0.
by rewrite Ex_sum; apply: eq_bigr => v _; rewrite ExZ mulrC.
Qed.

(* x depends on the edges in P alone, y on the others *)
Theorem Ex_two (P : pred E) (X Y : finType) (x : mask -> X) (y : mask -> Y) (F : X -> Y -> R) :
  local_to P true x -> local_to P false y ->
  Ex p (fun w => F (x w) (y w)) = Ex p (fun w => Ex p (fun w' => F (x w') (y w))).
Proof.
move=> lx ly; rewrite (Ex_values (fun w => (x w, y w)) (fun v => F v.1 v.2)).
rewrite (Ex_values y (fun v => Ex p (fun w' => F (x w') v))).
rewrite -(pair_bigA _ (fun u v => Pr p (fun w => (x w, y w) == (u, v)) * F u v)) exchange_big /=.
apply: eq_bigr => v _; rewrite (Ex_values x (F^~ v)) mulr_sumr; apply: eq_bigr => u _.
rewrite mulrA; congr (_ * _); rewrite mulrC.
pose A (c : bool) (w : mask) := if c then x w == u else y w == v.
rewrite (eq_Pr _ (A' := fun w => [forall c, A c w])) => [|w]; last first.
  apply/eqP/forallP => [[eu ev] []|h]; rewrite /A ?eu ?ev //.
  by have := h true; have := h false; rewrite /A => /eqP-> /eqP->.
rewrite (Pr_blocks _ (grp := P)); first by rewrite big_bool.
by move=> [] w w' e; rewrite /A; [rewrite (lx w w' e)|rewrite (ly w w' e)].
Qed.

(* independent bits are a mask of their own *)
Theorem Ex_bits (V : finType) (grp : E -> option V) (B : V -> pred mask) (f : {ffun V -> bool} -> R) :
  (forall v, local_to grp (Some v) (B v)) ->
  Ex p (fun w => f [ffun v => B v w]) = Ex (fun v => Pr p (B v)) f.
Proof.
move=> lB; rewrite (Ex_values (fun w => [ffun v => B v w]) f); apply: eq_bigr => u _; congr (_ * _).
pose A (o : option V) (w : mask) := if o is Some v then B v w == u v else true.
rewrite (eq_Pr _ (A' := fun w => [forall o, A o w])) => [|w]; last first.
  apply/eqP/forallP => [e [v|] //|h]; first by rewrite /A -e ffunE.
  by apply/ffunP => v; rewrite ffunE; exact/eqP/(h (Some v)).
rewrite (Pr_blocks _ (grp := grp)); last by move=> [v|] w w' e //; rewrite /A (lB v w w' e).
rewrite (bigD1 None) //= [X in X * _](_ : _ = 1) ?mul1r; last exact: Ex_cst.
rewrite (reindex_omap Some id) /=; last by case.
rewrite (eq_bigl predT) => [|v]; last by rewrite /= eqxx.
apply: eq_bigr => v _; rewrite /A /wt; case: (u v).
  by apply: eq_Pr => w; rewrite eqb_id.
by rewrite -PrC; apply: eq_Pr => w /=; case: (B v w).
Qed.
End Parts.

(* a coupling: thinned bits are never more *)
Section Coupling.
Variables (R : realFieldType) (V : finType) (g h : V -> R).
Hypothesis gh : forall v, 0 <= g v <= h v /\ h v <= 1.

Theorem Ex_mono (f : {ffun V -> bool} -> R) : (forall u u' : {ffun V -> bool}, (forall v, u v -> u' v) -> f u <= f u') ->
  Ex g f <= Ex h f.
Proof.
move=> fm; pose s v := if h v == 0 then 0 else g v / h v; pose p := joint h s.
have hs v : h v * s v = g v.
  rewrite /s; case: eqP => [h0|/eqP nz]; last by rewrite mulrC divfK.
  by have [/andP[g0 +] _] := gh v; rewrite h0 mulr0 => g1; apply/eqP; rewrite eq_le g0 g1.
have p01 e : 0 <= p e <= 1.
  case: e => v /=; have [/andP[g0 g1] h1] := gh v; first by rewrite (le_trans g0 g1).
  rewrite /s; case: eqP => [_|/eqP nz]; first by rewrite lexx ler01.
  have h0 : 0 < h v by rewrite lt_neqAle eq_sym nz (le_trans g0 g1).
  by rewrite divr_ge0 ?(ltW h0) //= ler_pdivrMr // mul1r.
pose own (e : V + V) : option V := match e with inl v => Some v | inr v => Some v end.
have one (e : V + V) : Pr p (fun w => w e) = p e.
  transitivity (Pr p (fun w : {ffun [finType of V + V] -> bool} => [exists e', (e' == e) && w e'])).
    by apply: eq_Pr => w; apply/idP/existsP => [we|[e' /andP[/eqP->]]] //; exists e; rewrite eqxx.
  by rewrite (Pr_hit _ (pred1 e)) big_pred1_eq subKr.
have both v : Pr p (fun w => w (inl v) && w (inr v)) = g v.
  pose A (c : bool) (w : {ffun [finType of V + V] -> bool}) := if c then w (inl v) else w (inr v).
  rewrite (eq_Pr _ (A' := fun w => [forall c, A c w])) => [|w]; last first.
    by apply/andP/forallP => [[? ?] []|k] //; split; [exact: (k true)|exact: (k false)].
  rewrite (Pr_blocks _ (grp := fun e => if e is inl _ then true else false)) => [|[] w w' k].
  - by rewrite big_bool /A !one /= hs.
  - by rewrite /A k.
  by rewrite /A k.
have law1 := @Ex_bits R [finType of V + V] p V own (fun v w => w (inl v) && w (inr v)) f.
have law2 := @Ex_bits R [finType of V + V] p V own (fun v w => w (inl v)) f.
have -> : Ex g f = Ex (fun v => Pr p (fun w => w (inl v) && w (inr v))) f.
  by apply: eq_bigr => u _; congr (_ * _); apply: eq_bigr => v _; rewrite /wt both.
have -> : Ex h f = Ex (fun v => Pr p (fun w => w (inl v))) f.
  by apply: eq_bigr => u _; congr (_ * _); apply: eq_bigr => v _; rewrite /wt one.
rewrite -law1; last by move=> v w w' k; rewrite !k.
rewrite -law2; last by move=> v w w' k; rewrite k.
by apply: le_Ex => // w; apply: fm => v; rewrite !ffunE => /andP[].
Qed.
End Coupling.
