(* Factored sources, the mixed theorem: some inputs are set aside, and matched into what is left for each of the others. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ERProofs Require Import names factored.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Mixed.
Variables (R : realFieldType) (n m N : nat).
Variables (S1 : 'I_N -> 'I_n -> bool) (S2 : 'I_m -> 'I_N -> bool) (F : {set 'I_n}).

(* some input is not in F; for such an i every output has an inner neuron of its own that reads i, and each output o   *)
(* reads inner neurons that do not read i, one of its own for every input in F                                         *)
Definition mixed_matching : Prop :=
  [/\ exists i, i \notin F,
      forall i, i \notin F -> exists c : 'I_m -> 'I_N, [/\ injective c, forall o, S2 o (c o) & forall o, S1 (c o) i]
    & forall i o, i \notin F -> exists e : 'I_n -> 'I_N,
        {in F &, injective e} /\ forall j, j \in F -> [&& S2 o (e j), S1 (e j) j & ~~ S1 (e j) i]].

(* the choices of mixed_matching, for all i and o at once *)
Let choices : mixed_matching -> exists i0 (c : 'I_n -> 'I_m -> 'I_N) (e : 'I_n -> 'I_m -> 'I_n -> 'I_N),
  [/\ i0 \notin F,
      forall i, i \notin F -> [/\ injective (c i), forall o, S2 o (c i o) & forall o, S1 (c i o) i]
    & forall i o, i \notin F ->
        {in F &, injective (e i o)} /\ forall j, j \in F -> [&& S2 o (e i o j), S1 (e i o j) j & ~~ S1 (e i o j) i]].
Proof.
move=> [[i0 F0] hc he].
have [c hc'] : exists c : 'I_n -> 'I_m -> 'I_N,
    forall i, i \notin F -> [/\ injective (c i), forall o, S2 o (c i o) & forall o, S1 (c i o) i].
  apply: (@fin_all_exists _ _ (fun i c =>
    i \notin F -> [/\ injective c, forall o, S2 o (c o) & forall o, S1 (c o) i])) => i.
  case: (boolP (i \in F)) => iF; last by have [c] := hc i iF; exists c.
  by have [c _] := hc i0 F0; exists c.
have [e he'] : exists e : 'I_n * 'I_m -> 'I_n -> 'I_N, forall x, x.1 \notin F ->
    {in F &, injective (e x)} /\ forall j, j \in F -> [&& S2 x.2 (e x j), S1 (e x j) j & ~~ S1 (e x j) x.1].
  apply: (@fin_all_exists _ _ (fun x e => x.1 \notin F ->
    {in F &, injective e} /\ forall j, j \in F -> [&& S2 x.2 (e j), S1 (e j) j & ~~ S1 (e j) x.1])) => -[i o] /=.
  case: (boolP (i \in F)) => iF; last by have [e] := he i o iF; exists e.
  by have [e _] := he i0 o F0; exists e.
by exists i0, c, (fun i o => e (i, o)); split=> // i o iF; exact: (he' (i, o)).
Qed.

Theorem mixed : mixed_matching -> contains_all R S1 S2.
Proof.
move=> /choices[i0 [c [e [F0 hc he]]]] W.
pose at' (k : 'I_#|F|) : 'I_n := enum_val k.
have atF k : at' k \in F by exact: enum_valP.
(* the columns of F, once and for all *)
have [D [oD dD]] := @generic R #|F| N (fun k j => S1 j (at' k))
  [seq (fun k => e x.1 x.2 (at' k)) | x <- [seq x <- enum [finType of 'I_n * 'I_m] | x.1 \notin F]] (fun c' => ltac:(
  move=> /List.in_map_iff[[i o] [<- /List.filter_In[_ /= iF]]]; have [ei e1] := he i o iF; split=> [k k' |k];
    [by move=> /(ei _ _ (atF k) (atF k'))/enum_val_inj | by have /and3P[] := e1 (at' k) (atF k)])).
have inv i o : i \notin F -> \det (chosen (fun k => e i o (at' k)) D) != 0.
  move=> iF; apply: dD; apply/List.in_map_iff; exists (i, o); split=> //; apply/List.filter_In; split=> //.
  exact/In_mem/mem_enum.
pose WF : 'M[R]_(m, #|F|) := \matrix_(o, k) W o (at' k).
pose good (A : 'M[R]_(m, N)) := on_mask S2 A /\ A *m D^T = WF.
(* for each i not in F there is one whose chosen part is 1 *)
have one i : i \notin F -> exists A, good A /\ chosen (c i) A = 1%:M.
  move=> iF; have [ci c2 c1] := hc i iF.
  have row' o : exists a : 'rV[R]_N, [/\ forall j, ~~ S2 o j -> a 0 j = 0, a *m D^T = row o WF &
      forall k, a 0 (c i k) = (k == o)%:R].
    have [_ e1] := he i o iF; pose E := matched R (fun k => e i o (at' k)).
    pose M := chosen (fun k => e i o (at' k)) D.
    have ED : E *m D^T = M^T.
      apply/matrixP => k' k; rewrite !mxE (bigD1 (e i o (at' k'))) //= !mxE eqxx mul1r big1 ?addr0 // => j /negbTE ne.
      by rewrite !mxE ne mul0r.
    pose v : 'rV[R]_N := delta_mx 0 (c i o); pose x := (row o WF - v *m D^T) *m invmx M^T.
    have Ez k' j : ~~ [&& S2 o j, S1 j (at' k') & ~~ S1 j i] -> E k' j = 0.
      by rewrite mxE; case: eqP => // -> /negP[]; exact: e1.
    exists (v + x *m E); split=> [j nS||k].
    - rewrite !mxE eqxx /= (_ : (j == c i o) = false) ?add0r; last by apply/eqP => ej; rewrite ej c2 in nS.
      by rewrite big1 // => k' _; rewrite Ez ?mulr0 // (negbTE nS).
    - have MU : M^T \in unitmx by rewrite unitmx_tr unitmxE unitfE; exact: inv.
      by rewrite mulmxDl -mulmxA ED (mulmxKV MU) addrC subrK.
    rewrite !mxE eqxx /= (inj_eq ci) big1 ?addr0 // => k' _.
    by rewrite Ez ?mulr0 // c1 !andbF.
  have [a ha] := @fin_all_exists _ _ (fun o (a : 'rV[R]_N) => [/\ forall j, ~~ S2 o j -> a 0 j = 0,
    a *m D^T = row o WF & forall k, a 0 (c i k) = (k == o)%:R]) row'.
  exists (\matrix_o a o); split; last first.
    by apply/matrixP => o k; rewrite !mxE; have [_ _ ->] := ha o; rewrite eq_sym.
  split=> [o j nS|]; first by rewrite mxE; have [->] := ha o.
  by apply/row_matrixP => o; rewrite row_mul rowK; have [_ ->] := ha o.
have [A [[oA AD] dA]] : exists A, good A /\
    forall c', List.In c' [seq c i | i <- [seq i <- enum 'I_n | i \notin F]] -> \det (chosen c' A) != 0.
  apply: generic_affine => [|A A' t [oA eA] [oA' eA']|c' /List.in_map_iff[i [<- /List.filter_In[_ iF]]]].
  - by have [A [gA _]] := one i0 F0; exists A.
  - split=> [o j nS|]; first by rewrite !mxE oA ?oA' // subrr mulr0 addr0.
    by rewrite mulmxDl -scalemxAl mulmxBl eA eA' subrr scaler0 addr0.
  by have [A [gA e1]] := one i iF; exists A; rewrite e1 det1 oner_neq0.
have {dA}inv' i : i \notin F -> \det (chosen (c i) A) != 0.
  move=> iF; apply: dA; apply/List.in_map_iff; exists i; split=> //; apply/List.filter_In; split=> //.
  exact/In_mem/mem_enum.
pose x i : 'cV[R]_m := invmx (chosen (c i) A) *m col i W.
pose B : 'M[R]_(N, n) := \matrix_(j, i)
  if i \in F then \sum_(k | at' k == i) D k j else \sum_(k | c i k == j) x i k 0.
exists A, B; split=> // [j i nS|].
  rewrite mxE; case: (boolP (i \in F)) => iF.
    by rewrite big1 // => k /eqP ek; rewrite oD // ek.
  by rewrite big1 // => k /eqP ek; have [_ _ c1] := hc i iF; rewrite -ek c1 in nS.
apply/matrixP => o i; rewrite mxE; case: (boolP (i \in F)) => iF.
  have [k ik] : exists k, i = at' k by exists (enum_rank_in iF i); rewrite /at' enum_rankK_in.
  transitivity ((A *m D^T) o k); last by rewrite AD mxE ik.
  rewrite mxE; apply: eq_bigr => j _; rewrite !mxE iF; congr (_ * _).
  rewrite (bigD1 k) ?ik //= big1 ?addr0 // => k' /andP[/eqP/enum_val_inj-> /eqP]; by [].
transitivity ((chosen (c i) A *m x i) o 0); last first.
  by rewrite /x mulmxA mulmxV ?mul1mx ?mxE // unitmxE unitfE inv'.
rewrite mxE (partition_big (c i) xpredT) //=; apply: eq_bigr => j _.
rewrite mxE (negbTE iF) mulr_sumr; apply: eq_big => [k //|k /eqP ek].
by rewrite -ek; congr (_ * _); rewrite [RHS]mxE.
Qed.
End Mixed.

(* transposed masks hold all maps if the masks do *)
Lemma contains_transposed (R : realFieldType) n m N (S1 : 'I_N -> 'I_n -> bool) (S2 : 'I_m -> 'I_N -> bool) :
  contains_all R (fun j o => S2 o j) (fun i j => S1 j i) -> contains_all R S1 S2.
Proof.
move=> h W; have [A [B [oA oB e]]] := h W^T; exists B^T, A^T.
by split=> [o j nS|j i nS|]; rewrite ?mxE ?oA ?oB // -trmx_mul e trmxK.
Qed.
