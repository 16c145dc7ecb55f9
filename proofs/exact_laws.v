(* Exact laws with two independent masks: conditioning (Fubini), the binomial law, paths (Theorem 2.3, masked layer 0). *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Fubini.
Variables (R : realFieldType) (E1 E2 : finType) (p1 : E1 -> R) (p2 : E2 -> R).
Local Notation E := [finType of E1 + E2].

Definition joint (e : E) : R := match e with inl a => p1 a | inr c => p2 c end.
Definition glue (w1 : {ffun E1 -> bool}) (w2 : {ffun E2 -> bool}) : {ffun E -> bool} :=
  [ffun e => match e with inl a => w1 a | inr c => w2 c end].

Theorem fubini (f : {ffun E -> bool} -> R) :
  Ex joint f = Ex p2 (fun w2 => Ex p1 (fun w1 => f (glue w1 w2))).
Proof.
rewrite /Ex; under [RHS]eq_bigr do rewrite mulr_sumr.
rewrite exchange_big pair_big /=.
rewrite (reindex (fun w : {ffun E1 -> bool} * {ffun E2 -> bool} => glue w.1 w.2)) /=; last first.
  exists (fun w : {ffun E -> bool} => ([ffun a => w (inl a)], [ffun c => w (inr c)])) => [[w1 w2] _|w _] /=.
    by congr (_, _); apply/ffunP => e; rewrite !ffunE.
  by apply/ffunP => -[e|e]; rewrite !ffunE.
apply: eq_bigr => -[w1 w2] _ /=; rewrite mulrA; congr (_ * _).
rewrite /mass big_sumType /= mulrC.
by congr (_ * _); apply: eq_bigr => e _; rewrite ffunE /wt /=.
Qed.

End Fubini.

Section Binomial.
Variables (R : realFieldType) (E : finType) (p : R).

Definition bin_mass n k : R := 'C(n, k)%:R * p ^+ k * (1 - p) ^+ (n - k).

Theorem binomial_law (F : nat -> R) :
  Ex (fun _ : E => p) (fun w => F #|[pred e | w e]|) = \sum_(k < #|E|.+1) bin_mass #|E| k * F k.
Proof.
have card_le (w : {ffun E -> bool}) : (#|[pred e | w e]| < #|E|.+1)%N by rewrite ltnS max_card.
pose size (w : {ffun E -> bool}) : 'I_(#|E|.+1) := Ordinal (card_le w).
rewrite /Ex (partition_big size xpredT) //=; apply: eq_bigr => k _.
transitivity (\sum_(w : {ffun E -> bool} | size w == k) p ^+ k * (1 - p) ^+ (#|E| - k) * F k).
  apply: eq_bigr => w /eqP wk.
  have -> : #|[pred e | w e]| = k by rewrite -wk.
  congr (_ * _); rewrite /mass (bigID (fun e => w e)) /=; congr (_ * _).
    rewrite (eq_bigr (fun=> p)) => [|e ->] //; rewrite prodr_const; congr (_ ^+ _).
    by rewrite -wk; apply: eq_card => e; rewrite !inE.
  rewrite (eq_bigr (fun=> 1 - p)) => [|e /negbTE->] //; rewrite prodr_const; congr (_ ^+ _).
  rewrite -wk /= -(cardC [pred e | w e]) addnC addnK.
  by apply: eq_card => e; rewrite ?inE.
rewrite sumr_const -mulr_natl !mulrA; congr (_%:R * _ * _ * _).
rewrite -(card_draws E k); pose g (A : {set E}) : {ffun E -> bool} := [ffun e => e \in A].
have gi : injective g by move=> A A' /ffunP h; apply/setP => e; have := h e; rewrite !ffunE.
rewrite -(card_imset _ gi); apply: eq_card => w; rewrite unfold_in; apply/eqP/imsetP => [wk|[A + ->]].
  exists [set e | w e]; last by apply/ffunP => e; rewrite ffunE inE.
  by rewrite inE -wk /= cardsE.
rewrite inE => /eqP Ak; rewrite -[RHS]Ak /=.
by apply: eq_card => e; rewrite !inE ffunE.
Qed.

End Binomial.

Section Paths.
Variables (R : realFieldType) (I H : finType) (p0 p1 p2 : R).

(* one hidden layer H, inputs I, one output: every input has a path (the "convention A" event of Theorem 2.3) *)
Definition every_input (w : {ffun [finType of (H * I) + H] -> bool}) : bool :=
  [forall i, exists h, w (inl (h, i)) && w (inr h)].
Definition two_layers := joint (fun _ : H * I => p1) (fun _ : H => p2).

Theorem law23A : Pr two_layers every_input =
  \sum_(k < #|H|.+1) bin_mass p2 #|H| k * (1 - (1 - p1) ^+ k) ^+ #|I|.
Proof.
rewrite /Pr /two_layers fubini -(binomial_law _ p2 (fun k => (1 - (1 - p1) ^+ k) ^+ #|I|)); apply: eq_Ex => w2 /=.
rewrite -[LHS]/(Pr _ (fun w1 => every_input (glue w1 w2))).
transitivity (Pr (fun _ : H * I => p1) (fun w1 => [forall i, exists e, ((e.2 == i) && w2 e.1) && w1 e])).
  apply: eq_Pr => w1; apply: eq_forallb => i; apply/existsP/existsP => [[h]|[[h i'] /= /andP[/andP[/eqP-> ? ?]]]].
    by rewrite !ffunE => /andP[? ?]; exists (h, i); rewrite /= eqxx; apply/andP.
  by exists h; rewrite !ffunE; apply/andP.
rewrite (Pr_blocks _ (grp := snd) (A := fun i w1 => [exists e, ((e.2 == i) && w2 e.1) && w1 e])); last first.
  by move=> i w w' h; apply: eq_existsb => e; case: eqP => //= /h->.
rewrite (eq_bigr (fun=> 1 - (1 - p1) ^+ #|[pred h | w2 h]|)) ?prodr_const // => i _.
rewrite (Pr_hit _ (fun e => (e.2 == i) && w2 e.1)) prodr_const; congr (1 - _ ^+ _).
have gi : injective (fun h : H => (h, i)) by move=> h h' [].
rewrite -(card_imset _ gi); apply: eq_card => -[h j]; rewrite unfold_in /=.
apply/andP/imsetP => [[/eqP-> wh]|[h' + [-> ->]]]; first by exists h.
by rewrite inE eqxx.
Qed.

(* linear output ("convention B"): one hidden neuron with every input *)
Definition full_neuron (w : {ffun [finType of (H * I) + H] -> bool}) : bool :=
  [exists h, w (inr h) && [forall i, w (inl (h, i))]].

Theorem law23B : Pr two_layers full_neuron = 1 - (1 - p2 * p1 ^+ #|I|) ^+ #|H|.
Proof.
pose grp (e : [finType of (H * I) + H]) : H := match e with inl x => x.1 | inr h => h end.
pose A h (w : {ffun [finType of (H * I) + H] -> bool}) := ~~ (w (inr h) && [forall i, w (inl (h, i))]).
transitivity (Pr two_layers (predC (fun w => [forall h, A h w]))).
  by apply: eq_Pr => w /=; rewrite negb_forall; apply: eq_existsb => h; rewrite negbK.
rewrite PrC; congr (1 - _); rewrite (Pr_blocks _ (grp := grp)); last first.
  move=> h w w' e; rewrite /A (e (inr h)) //; congr (~~ (_ && _)); apply: eq_forallb => i; exact: e.
rewrite (eq_bigr (fun=> 1 - p2 * p1 ^+ #|I|)) ?prodr_const // => h _.
rewrite -[LHS]/(Pr _ (predC (fun w : {ffun [finType of (H * I) + H] -> bool} => w (inr h) && [forall i, w (inl (h, i))]))).
rewrite PrC; congr (1 - _).
pose f (e : [finType of (H * I) + H]) (c : bool) : R := (grp e == h)%:R * c%:R + (grp e != h)%:R.
transitivity (Ex two_layers (fun w => \prod_e f e (w e))).
  apply: eq_Ex => w; case: (boolP (_ && _)) => [/andP[w2 /forallP w1]|].
    rewrite big1 // => -[[h' i]|h'] _; rewrite /f /=; case: eqP => [->|_]; rewrite ?w1 ?w2 /= ?mul1r ?mulr0 ?addr0 ?mul0r ?add0r //.
  rewrite negb_and => /orP[n|]; first by rewrite (bigD1 (inr h)) //= /f /= eqxx (negbTE n) mulr0 addr0 mul0r.
  rewrite negb_forall => /existsP[i n].
  by rewrite (bigD1 (inl (h, i))) //= /f /= eqxx (negbTE n) mulr0 addr0 mul0r.
rewrite Ex_prod big_sumType /= mulrC; congr (_ * _).
  rewrite (bigD1 h) //= /f /= eqxx /= !mulr1 !mulr0 !addr0 mulr0 addr0 big1 ?mulr1 // => h' /negbTE->.
  by rewrite !mul0r !add0r !mulr1 addrC subrK.
rewrite (bigID (fun e => e.1 == h)) /= [X in _ * X]big1 => [|e /negbTE ne]; last first.
  by rewrite /f /= ne !mul0r !add0r !mulr1 addrC subrK.
rewrite mulr1 (eq_bigr (fun=> p1)) => [|[h' i] /= /eqP->]; last by rewrite /f /= eqxx /= !mul1r !addr0 mulr1 mulr0 addr0.
rewrite prodr_const; congr (_ ^+ _).
have gi : injective (fun i : I => (h, i)) by move=> i j [].
rewrite -(card_imset _ gi); apply: eq_card => -[h' j]; rewrite unfold_in /=.
by apply/eqP/imsetP => [->|[i _ [-> _]]] //; exists j.
Qed.

End Paths.

Section ThreeLayers.
Variables (R : realFieldType) (N0 N1 : finType) (p0 p1 p2 : R).

(* one input, layers N0 and N1, one output, every layer masked: is there a path? *)
Definition edges3 := [finType of (N0 + (N1 * N0)%type) + N1].
Definition a_path (w : {ffun edges3 -> bool}) : bool :=
  [exists u, w (inl (inl u)) && [exists v, w (inl (inr (v, u))) && w (inr v)]].
Definition three_layers : edges3 -> R :=
  joint (joint (fun _ : N0 => p0) (fun _ : N1 * N0 => p1)) (fun _ : N1 => p2).

Theorem law_path : Pr three_layers a_path =
  \sum_(k < #|N1|.+1) bin_mass p2 #|N1| k * (1 - (1 - p0 * (1 - (1 - p1) ^+ k)) ^+ #|N0|).
Proof.
rewrite /Pr /three_layers fubini -(binomial_law _ p2 (fun k => 1 - (1 - p0 * (1 - (1 - p1) ^+ k)) ^+ #|N0|)); apply: eq_Ex => w2 /=.
set P := joint _ _.
pose grp (e : [finType of N0 + (N1 * N0)%type]) : N0 := match e with inl u => u | inr x => x.2 end.
pose A u (w : {ffun [finType of N0 + (N1 * N0)%type] -> bool}) := w (inl u) && [exists v, w (inr (v, u)) && w2 v].
transitivity (Pr P (predC (fun w => [forall u, ~~ A u w]))).
  apply: eq_Pr => w /=; rewrite negb_forall; apply: eq_existsb => u; rewrite negbK /A !ffunE.
  by congr (_ && _); apply: eq_existsb => v; rewrite !ffunE.
rewrite PrC; congr (1 - _); rewrite (Pr_blocks _ (grp := grp)); last first.
  move=> u w w' e; rewrite /A (e (inl u)) //; congr (~~ (_ && _)); apply: eq_existsb => v.
  by rewrite (e (inr (v, u))).
rewrite (eq_bigr (fun=> 1 - p0 * (1 - (1 - p1) ^+ #|[pred v | w2 v]|))) ?prodr_const // => u _.
rewrite -[LHS]/(Pr _ (predC (A u))) PrC; congr (1 - _).
pose B (j : bool) (w : {ffun [finType of N0 + (N1 * N0)%type] -> bool}) :=
  if j then w (inl u) else [exists v, w (inr (v, u)) && w2 v].
transitivity (Pr P (fun w => [forall j, B j w])).
  by apply: eq_Pr => w; apply/andP/forallP => [[? ?] []|h] //; split; [exact: (h true)|exact: (h false)].
rewrite (Pr_blocks _ (grp := fun e => if e is inl _ then true else false)); last first.
  by move=> [] w w' e; rewrite /B ?e //; apply: eq_existsb => v; rewrite e.
rewrite big_bool; congr (_ * _).
  transitivity (Pr P (fun w => [exists e, (e == inl u) && w e])).
    apply: eq_Pr => w; apply/idP/existsP => [h|[e /andP[/eqP->]]] //; by exists (inl u); rewrite eqxx.
  by rewrite (Pr_hit P (pred1 (inl u))) big_pred1_eq /= subKr.
transitivity (Pr P (fun w => [exists e, (if e is inr x then (x.2 == u) && w2 x.1 else false) && w e])).
  apply: eq_Pr => w; apply/existsP/existsP => [[v /andP[h1 h2]]|[[//|[v u'] /= /andP[/andP[/eqP-> h2 h1]]]]].
    by exists (inr (v, u)); rewrite /= eqxx h2.
  by exists v; rewrite h1.
rewrite (Pr_hit P (fun e => if e is inr x then (x.2 == u) && w2 x.1 else false)); congr (1 - _).
rewrite big_sumType /= big_pred0 ?mul1r // prodr_const; congr (_ ^+ _).
have gi : injective (fun v : N1 => (v, u)) by move=> v v' [].
rewrite -(card_imset _ gi); apply: eq_card => -[v j]; rewrite unfold_in /=.
apply/andP/imsetP => [[/eqP-> wv]|[v' + [-> ->]]]; first by exists v.
by rewrite inE eqxx.
Qed.

(* first moment *)
Hypotheses (h0 : 0 <= p0 <= 1) (h1 : 0 <= p1 <= 1) (h2 : 0 <= p2 <= 1).

Theorem path_first_moment : Pr three_layers a_path <= (#|N0| * #|N1|)%:R * (p0 * p1 * p2).
Proof.
have P01 e : 0 <= three_layers e <= 1 by case: e => [[]|].
pose path (x : N0 * N1) (w : {ffun edges3 -> bool}) :=
  [forall e, (e \in [:: inl (inl x.1); inl (inr (x.2, x.1)); inr x.2]) ==> w e].
apply: (@le_trans _ _ (Pr three_layers (fun w => [exists x, path x w]))).
  apply: le_Pr => // w /existsP[u /andP[w0 /existsP[v /andP[w1 w2]]]]; apply/existsP; exists (u, v).
  by apply/forallP => e; apply/implyP; rewrite !inE => /or3P[] /eqP->.
apply: le_trans (Pr_exists P01 _) _.
rewrite (eq_bigr (fun=> p0 * p1 * p2)) => [|[u v] _].
  by rewrite sumr_const card_prod -mulr_natl.
pose s : seq edges3 := [:: inl (inl u); inl (inr (v, u)); inr v].
transitivity (Ex three_layers (fun w => \prod_e (if e \in s then (w e)%:R else 1))).
  apply: eq_Ex => w; rewrite /path -/s; case: forallP => [h|/forallP].
    by rewrite big1 // => e _; case: ifP => // he; have := h e; rewrite he /= => ->.
  rewrite negb_forall => /existsP[e]; rewrite negb_imply => /andP[he /negbTE hw].
  by rewrite (bigD1 e) //= he hw mul0r.
rewrite (Ex_prod _ (fun e c => if e \in s then c%:R else 1)).
transitivity (\prod_(e <- s) three_layers e); last by rewrite !big_cons big_nil /= mulr1 mulrA.
rewrite [RHS]big_uniq //= [RHS]big_mkcond /=; apply: eq_bigr => e _.
by case: ifP => _; rewrite ?mulr1 ?mulr0 ?addr0 // addrC subrK.
Qed.

End ThreeLayers.
