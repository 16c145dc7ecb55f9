(* Factored sources, one linear map: W = A B with A and B on given masks, for every W, where matchings exist.        *)
From mathcomp Require Import all_ssreflect all_algebra.
From ERProofs Require Import names.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Lemma In_mem (T : eqType) (x : T) (s : seq T) : x \in s -> List.In x s.
Proof. by elim: s => [//|y s IH]; rewrite inE => /predU1P[->|/IH]; [left|right]. Qed.

Section Generic.
Variables (R : realFieldType) (m N : nat).
Implicit Types (A P : 'M[R]_(m, N)).

(* the columns that c chooses, one for each row *)
Definition chosen (c : 'I_m -> 'I_N) (A : 'M[R]_(m, N)) : 'M[R]_m := \matrix_(o, k) A o (c k).

Definition on_mask (S : 'I_m -> 'I_N -> bool) A := forall o j, ~~ S o j -> A o j = 0.

(* row o has a single 1, in the column c o *)
Definition matched k (c : 'I_k -> 'I_N) : 'M[R]_(k, N) := \matrix_(o, j) (j == c o)%:R.

Lemma chosen_matched c : injective c -> chosen c (matched c) = 1%:M.
Proof.
move=> ci; apply/matrixP => o k; rewrite !mxE (inj_eq ci) eq_sym.
by case: (k == o).
Qed.

Lemma chosen_line c A P t : chosen c (A + t *: P) = chosen c A + t *: chosen c P.
Proof. by apply/matrixP => o k; rewrite !mxE. Qed.

(* along A + t P the chosen determinant is a polynomial in t *)
Definition line (c : 'I_m -> 'I_N) A P : {poly R} := \det (map_mx polyC (chosen c A) + 'X *: map_mx polyC (chosen c P)).

Lemma lineP c A P t : (line c A P).[t] = \det (chosen c (A + t *: P)).
Proof.
rewrite chosen_line /line -[LHS]/(horner_eval t _) -det_map_mx; congr (\det _).
by apply/matrixP => o k; rewrite !mxE /= /horner_eval !hornerE.
Qed.

(* a polynomial other than 0 is not 0 at some natural number *)
Lemma not_root (f : {poly R}) : f != 0 -> exists t : R, f.[t] != 0.
Proof.
move=> f0; pose s := [seq k%:R : R | k <- iota 0 (size f)].
have su : uniq s by rewrite map_inj_uniq ?iota_uniq // => a b /eqP; rewrite eqr_nat => /eqP.
have /allPn[t _ ft] : ~~ all (root f) s.
  by apply/negP => a; have := max_poly_roots f0 a su; rewrite size_map size_iota ltnn.
by exists t.
Qed.

(* finitely many choices of columns: if each has a matrix in an affine set, one matrix of the set serves all of them *)
Lemma generic_affine (good : 'M[R]_(m, N) -> Prop) (cs : seq ('I_m -> 'I_N)) :
  (exists A, good A) -> (forall A A' t, good A -> good A' -> good (A + t *: (A' - A))) ->
  (forall c, List.In c cs -> exists A, good A /\ \det (chosen c A) != 0) ->
  exists A, good A /\ forall c, List.In c cs -> \det (chosen c A) != 0.
Proof.
move=> [A0 g0] affine; elim: cs => [|c cs IH] h; first by exists A0.
have [A [gA dA]] := IH (fun c' hc => h c' (or_intror hc)).
have [A' [gA' dA']] := h c (or_introl erefl).
pose P := A' - A; pose f := line c A P * foldr (fun c' g => line c' A P * g) 1 cs.
have at_A c' : \det (chosen c' A) != 0 -> line c' A P != 0.
  by move=> d0; apply/eqP => l0; have := lineP c' A P 0; rewrite l0 horner0 scale0r addr0 => /esym/eqP; rewrite (negbTE d0).
have f0 : f != 0.
  rewrite mulf_neq0 //.
    apply/eqP => l0; have := lineP c A P 1; rewrite l0 horner0 scale1r addrC subrK => /esym/eqP.
    by rewrite (negbTE dA').
  elim: cs dA {IH h f} => [|c' cs IH] dA /=; first exact: oner_neq0.
  by rewrite mulf_neq0 ?IH ?at_A //; [apply: dA; left|move=> c'' hc; apply: dA; right].
have [t ft] := not_root f0.
exists (A + t *: P); split=> [|c' hc]; first exact: affine.
rewrite -lineP; apply/negP => /eqP l0; case/negP: ft; rewrite /f.
case: hc => [e|hc]; first by subst c'; rewrite hornerM l0 mul0r.
rewrite hornerM mulf_eq0; apply/orP; right.
elim: cs hc {IH h dA f f0} => [//|c'' cs IH] /= [e|hc]; first by subst c''; rewrite hornerM l0 mul0r.
by rewrite hornerM (eqP (IH hc)) mulr0.
Qed.

(* each along edges of S: one matrix on S serves all of them *)
Lemma generic (S : 'I_m -> 'I_N -> bool) (cs : seq ('I_m -> 'I_N)) :
  (forall c, List.In c cs -> injective c /\ forall o, S o (c o)) ->
  exists A, on_mask S A /\ forall c, List.In c cs -> \det (chosen c A) != 0.
Proof.
move=> h; apply: (generic_affine (good := on_mask S)) => [|A A' t oA oA' o j nS|c /h[ci cS]].
- by exists 0 => o j _; rewrite mxE.
- by rewrite !mxE oA ?oA' // subrr mulr0 addr0.
exists (matched c); rewrite chosen_matched // det1 oner_neq0; split=> // o j nS.
by rewrite mxE; case: eqP nS => // ->; rewrite cS.
Qed.
End Generic.

Section OneMap.
Variables (R : realFieldType) (n m N : nat).
Variables (S1 : 'I_N -> 'I_n -> bool).   (* which inputs the inner neurons read *)
Variables (S2 : 'I_m -> 'I_N -> bool).   (* which inner neurons the outputs read *)

(* the masks hold every linear map, and with one outer factor for all of them *)
Definition universal : Prop :=
  exists A : 'M[R]_(m, N), on_mask S2 A /\
    forall W : 'M[R]_(m, n), exists B : 'M[R]_(N, n), on_mask S1 B /\ A *m B = W.

(* for input i, every output has an inner neuron of its own that reads i *)
Definition dual_matching : Prop :=
  forall i, exists c : 'I_m -> 'I_N, [/\ injective c, forall o, S2 o (c o) & forall o, S1 (c o) i].

Theorem dual : dual_matching -> universal.
Proof.
move=> h; have [c hc] : exists c : 'I_n -> 'I_m -> 'I_N,
    forall i, [/\ injective (c i), forall o, S2 o (c i o) & forall o, S1 (c i o) i].
  by apply: (@fin_all_exists _ _ (fun i c => [/\ injective c, forall o, S2 o (c o) & forall o, S1 (c o) i])).
have [A [oA dA]] := @generic R m N S2 [seq c i | i <- enum 'I_n] (fun c' => ltac:(
  move=> /List.in_map_iff[i [<- _]]; have [ci c2 _] := hc i; by split)).
have inv i : \det (chosen (c i) A) != 0.
  by apply: dA; apply/List.in_map_iff; exists i; split=> //; exact/In_mem/mem_enum.
exists A; split=> // W.
pose x i : 'cV[R]_m := invmx (chosen (c i) A) *m col i W.
exists (\matrix_(j, i) \sum_(k | c i k == j) x i k 0); split=> [j i nS|].
  rewrite mxE big1 // => k /eqP e; have [_ _ c1] := hc i.
  by rewrite -e c1 in nS.
apply/matrixP => o i; rewrite mxE.
transitivity ((chosen (c i) A *m x i) o 0); last first.
  by rewrite /x mulmxA mulmxV ?mul1mx ?mxE // unitmxE unitfE inv.
rewrite mxE (partition_big (c i) xpredT) //=; apply: eq_bigr => j _.
rewrite mxE mulr_sumr; apply: eq_big => [k //|k /eqP e].
by rewrite -e; congr (_ * _); rewrite [RHS]mxE.
Qed.
End OneMap.

Section Orientations.
Variables (R : realFieldType) (n m N : nat).
Variables (S1 : 'I_N -> 'I_n -> bool) (S2 : 'I_m -> 'I_N -> bool).

(* the masks hold every linear map; here both factors may depend on it *)
Definition contains_all : Prop :=
  forall W : 'M[R]_(m, n), exists A B, [/\ on_mask S2 A, on_mask S1 B & A *m B = W].

(* for output o, every input has an inner neuron of its own that o reads *)
Definition primal_matching : Prop :=
  forall o, exists c : 'I_n -> 'I_N, [/\ injective c, forall i, S1 (c i) i & forall i, S2 o (c i)].

Lemma universal_contains : @universal R n m N S1 S2 -> contains_all.
Proof. by move=> [A [oA hA]] W; have [B [oB e]] := hA W; exists A, B. Qed.

(* the dual of the transposed masks: one inner factor B serves all maps *)
Theorem primal : primal_matching ->
  exists B : 'M[R]_(N, n), on_mask S1 B /\
    forall W : 'M[R]_(m, n), exists A : 'M[R]_(m, N), on_mask S2 A /\ A *m B = W.
Proof.
move=> h; have [A' [oA hA]] := @dual R m n N (fun j o => S2 o j) (fun i j => S1 j i) h.
exists A'^T; split=> [j i nS|W]; first by rewrite mxE oA.
have [B' [oB e]] := hA W^T; exists B'^T; split=> [o j nS|]; first by rewrite mxE oB.
by rewrite -trmx_mul e trmxK.
Qed.

Theorem either_matching : dual_matching S1 S2 \/ primal_matching -> contains_all.
Proof.
case=> [/(@dual R)/universal_contains //|/primal[B [oB hB]] W].
by have [A [oA e]] := hB W; exists A, B.
Qed.

(* necessary, whatever is built: a non-zero entry needs a path *)
Theorem path_needed (W : 'M[R]_(m, n)) A B o i : on_mask S2 A -> on_mask S1 B -> A *m B = W -> W o i != 0 ->
  exists j, S2 o j && S1 j i.
Proof.
move=> oA oB <- nz; case: (pickP (fun j => S2 o j && S1 j i)) => [j pj|none]; first by exists j.
case/eqP: nz; rewrite mxE big1 // => j _; move: (none j).
case: (boolP (S2 o j)) => [_ /= s1|/oA-> _]; last by rewrite mul0r.
by rewrite (oB j i) ?s1 // mulr0.
Qed.
End Orientations.

Section Networks.
Variables (R : realFieldType) (d inner : nat -> nat) (act : nat -> R -> R).
Variables (W : forall l, 'M[R]_(d l.+1, d l)) (b : forall l, 'cV[R]_(d l.+1)).
Variables (S1 : forall l, 'I_(inner l) -> 'I_(d l) -> bool) (S2 : forall l, 'I_(d l.+1) -> 'I_(inner l) -> bool).
Arguments S1 : clear implicits.
Arguments S2 : clear implicits.

(* layer l.+1 of the target: act l (W l x + b l), for every neuron *)
Fixpoint target (x : 'cV[R]_(d 0)) (l : nat) : 'cV[R]_(d l) :=
  if l is k.+1 then map_mx (act k) (W k *m target x k + b k) else x.

(* the source: two masked maps for each of the target's; the inner neurons have the activation h *)
Fixpoint source (h : R -> R) (A : forall l, 'M[R]_(d l.+1, inner l)) (B : forall l, 'M[R]_(inner l, d l))
    (c : forall l, 'cV[R]_(inner l)) (e : forall l, 'cV[R]_(d l.+1)) (x : 'cV[R]_(d 0)) (l : nat) : 'cV[R]_(d l) :=
  if l is k.+1 then map_mx (act k) (A k *m map_mx h (B k *m source h A B c e x k + c k) + e k) else x.

Definition on_masks (A : forall l, 'M[R]_(d l.+1, inner l)) (B : forall l, 'M[R]_(inner l, d l)) L : Prop :=
  forall l, (l < L)%N -> on_mask (S2 l) (A l) /\ on_mask (S1 l) (B l).

(* layer by layer: factors for all layers below L at once *)
Lemma all_layers L : (forall l, (l < L)%N -> contains_all R (S1 l) (S2 l)) ->
  exists A B, on_masks A B L /\ forall l, (l < L)%N -> A l *m B l = W l.
Proof.
move=> h; pose T (l : 'I_L) := ('M[R]_(d l.+1, inner l) * 'M[R]_(inner l, d l))%type.
have [f hf] : exists f : forall l : 'I_L, T l,
    forall l : 'I_L, [/\ on_mask (S2 l) (f l).1, on_mask (S1 l) (f l).2 & (f l).1 *m (f l).2 = W l].
  apply: (@fin_all_exists _ T (fun l x => [/\ on_mask (S2 l) x.1, on_mask (S1 l) x.2 & x.1 *m x.2 = W l])) => l.
  by have [A [B AB]] := h l (ltn_ord l) (W l); exists (A, B).
pose A l : 'M[R]_(d l.+1, inner l) :=
  if Sumbool.sumbool_of_bool (l < L)%N is left lL then (f (Ordinal lL)).1 else 0.
pose B l : 'M[R]_(inner l, d l) :=
  if Sumbool.sumbool_of_bool (l < L)%N is left lL then (f (Ordinal lL)).2 else 0.
exists A, B; split=> l lL; rewrite /A /B; case: Sumbool.sumbool_of_bool => [lL'|]; rewrite ?lL //.
  by have [] := hf (Ordinal lL').
by have [] := hf (Ordinal lL').
Qed.

(* with linear inner neurons: the same outputs for every input *)
Theorem linear_source L : (forall l, (l < L)%N -> contains_all R (S1 l) (S2 l)) ->
  exists A B c e, on_masks A B L /\ forall x l, (l <= L)%N -> source id A B c e x l = target x l.
Proof.
move=> /all_layers[A [B [oAB eAB]]]; exists A, B, (fun=> 0), b; split=> // x.
elim=> [//|l IH lL] /=; rewrite IH ?(ltnW lL) // addr0 (_ : map_mx id _ = B l *m target x l).
  by rewrite mulmxA eAB.
by apply/matrixP => i j; rewrite !mxE.
Qed.

(* with ReLU inner neurons: on a box; the activations keep bounded what is bounded *)
Definition relu (x : R) : R := Num.max 0 x.
Hypothesis act_bounded : forall l M, exists M', forall x, `|x| <= M -> `|act l x| <= M'.

Definition within n (M : R) (x : 'cV[R]_n) : Prop := forall i, `|x i 0| <= M.

Lemma mulmx_within n k (C : 'M[R]_(k, n)) (c : 'cV[R]_k) M :
  exists M', forall x, within M x -> within M' (C *m x + c).
Proof.
exists (\sum_i (\sum_j `|C i j| * `|M| + `|c i 0|)) => x xM i.
rewrite !mxE (bigD1 i) //=; apply: ler_wpDr.
  by apply: sumr_ge0 => k' _; rewrite addr_ge0 // sumr_ge0 // => j _; rewrite mulr_ge0.
apply: le_trans (ler_normD _ _) _; rewrite lerD2r.
apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => j _.
by rewrite normrM ler_wpM2l // (le_trans (xM j)) // ler_norm.
Qed.

Theorem relu_source L M : (forall l, (l < L)%N -> contains_all R (S1 l) (S2 l)) ->
  exists A B c e, on_masks A B L /\
    forall x, within M x -> forall l, (l <= L)%N -> source relu A B c e x l = target x l.
Proof.
move=> /all_layers[A [B [oAB eAB]]].
have bounded l : exists M', forall x, within M x -> within M' (target x l).
  elim: l => [|l [M1 IH]]; first by exists M.
  have [M2 h2] := mulmx_within (W l) (b l) M1; have [M3 h3] := act_bounded l M2.
  by exists M3 => x /IH/h2 h i; rewrite mxE; exact/h3/h.
have shifts l : exists c : 'cV[R]_(inner l), forall x, within M x -> forall j, 0 <= (B l *m target x l + c) j 0.
  have [M1 h1] := bounded l; have [M2 h2] := mulmx_within (B l) 0 M1.
  exists (const_mx M2) => x /h1/h2 h j; rewrite mxE [X in _ + X]mxE; have := h j; rewrite addr0.
  by rewrite ler_norml => /andP[lo _]; rewrite -lerBlDr sub0r.
have [c hc] : exists c : forall l : 'I_L, 'cV[R]_(inner l),
    forall (l : 'I_L) x, within M x -> forall j, 0 <= (B l *m target x l + c l) j 0.
  exact: (@fin_all_exists _ (fun l : 'I_L => 'cV[R]_(inner l))
    (fun l c => forall x, within M x -> forall j, 0 <= (B l *m target x l + c) j 0) (fun l => shifts l)).
pose c' l : 'cV[R]_(inner l) := if Sumbool.sumbool_of_bool (l < L)%N is left lL then c (Ordinal lL) else 0.
exists A, B, c', (fun l => b l - A l *m c' l); split=> // x xM.
elim=> [//|l IH lL] /=; rewrite IH ?(ltnW lL) //; congr (map_mx _ _).
rewrite (_ : map_mx relu _ = B l *m target x l + c' l).
  by rewrite mulmxDr mulmxA eAB // -addrA [A l *m c' l + _]addrC subrK.
apply/matrixP => j k; rewrite [LHS]mxE /relu max_r // ord1.
rewrite /c'; case: Sumbool.sumbool_of_bool => [lL'|]; last by rewrite lL.
exact: (hc (Ordinal lL') x xM j).
Qed.
End Networks.
