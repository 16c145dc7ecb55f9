(* Dropped copies at any depth: bad ones are left out, and thresholds say how many good ones a neuron shall have.        *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names factored_network conditioning masked_laws.
From ERProofs Require Import bernoulli block_construction theorem_2_2 exact_laws.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Weights.
Variables (R : realFieldType) (T : nat -> finType) (W : forall l, T l.+1 -> T l -> R).
(* the non-zero weights into a neuron of layer l + 1, and those out of a neuron of layer l *)
Definition weights_in l (v : T l.+1) : nat := #|[pred u | @W l v u != 0]|.
Definition weights_out l (u : T l) : nat := #|[pred v | @W l v u != 0]|.

Variables (p : nat -> R) (q t : nat -> nat) (D : nat).
(* good copies that every neuron of layer l has: all of them for inputs, t l behind them *)
Definition sources (l : nat) : nat := if l is 0%N then q 0%N else t l.
(* the number G of good copies of a neuron in layer l + 1 that needs a copies below is Bin(q, (1 - (1 - p)^s)^a): *)
(* the chance of t of them or more; and in the last hidden layer, that all c neurons above, and their copies, find one *)
Definition drop_chance (l a c : nat) : R :=
  \sum_(k < (q l.+1).+1) bin_mass ((1 - (1 - p l) ^+ sources l) ^+ a) (q l.+1) k *
    (if l == D then (1 - (1 - p l.+1) ^+ k) ^+ (c * q l.+2) else (t l.+1 <= k)%N%:R).
(* with hidden layers 1 .. D + 1, over their neurons that are read *)
Definition drop_law : R :=
  \prod_(l < D.+1) \prod_(u : T l.+1 | weights_out u != 0%N) drop_chance l (weights_in u) (weights_out u).
End Weights.

Section Deep.
Variables (R : realFieldType) (T : nat -> finType) (D : nat) (act : nat -> R -> R).
Local Notation L := D.+2.
Variables (W : forall l, T l.+1 -> T l -> R) (b : forall l, T l.+1 -> R).
Variables (q t : nat -> nat) (lo : T 0%N -> R).
Local Notation mask := (mask T L q).
Local Notation edge := (edge T L q).
Local Notation copy l := (T l * 'I_(q l))%type.
Implicit Type w : mask.

Definition edge_in w l (v : copy l.+1) (u : copy l) : bool :=
  if Sumbool.sumbool_of_bool (l < L)%N is left h then w (@Tagged 'I_L (Ordinal h) (edges_at T q) (v, u)) else false.
(* a copy in layer l + 1 finds a good copy of every neuron that it needs *)
Definition finds w l (good : {ffun copy l -> bool}) (v : copy l.+1) : bool :=
  [forall u : T l, (@W l v.1 u != 0) ==> [exists i : 'I_(q l), edge_in w v (u, i) && good (u, i)]].
Fixpoint good w l : {ffun copy l -> bool} :=
  match l return {ffun copy l -> bool} with
  | 0%N => [ffun=> true]
  | k.+1 => [ffun v => finds w (good w k) v]
  end.
Definition kept w : bool := [forall v : copy L, good w L v].

(* bad copies get no weights that are used *)
Theorem kept_construction w : kept w -> represented_id act W b lo w.
Proof.
move=> /forallP all.
pose shift l : T l -> R := if l is 0%N then lo else fun=> 0.
pose chosen l (v : copy l.+1) (u : T l) : option 'I_(q l) := [pick k | edge_in w v (u, k) && good w l (u, k)].
pose V l : source_layer T q l.+1 -> source_layer T q l -> R :=
  match l return source_layer T q l.+1 -> source_layer T q l -> R with
  | 0%N => fun v i => (v.1 == i)%:R
  | k.+1 => fun v u => if chosen k v u.1 == Some u.2 then @W k v.1 u.1 else 0
  end.
pose c l : source_layer T q l.+1 -> R :=
  match l return source_layer T q l.+1 -> R with
  | 0%N => fun v => - lo v.1
  | k.+1 => fun v => @b k v.1 + \sum_u @W k v.1 u * shift k u
  end.
exists V, c; split=> [//|l h v u nm|x xbox].
  rewrite /V; case: eqP => // pk; move: pk; rewrite /chosen; case: pickP => // k /andP[hk _] [ek].
  move: hk nm; rewrite ek -surjective_pairing /edge_in /in_mask; case: Sumbool.sumbool_of_bool => // h'.
  by rewrite (bool_irrelevance h' h) => ->.
have main l : (l <= L)%N -> forall (u : T l) (k : 'I_(q l)), good w l (u, k) ->
    forward (source_act act) V c x l.+1 (u, k) = forward act W b x l u - shift l u.
  elim: l => [_ u k _|l IH hl u k].
    rewrite /= /affine /= (bigD1 u) //= eqxx mul1r big1 ?addr0 => [|i /negbTE]; last first.
      by rewrite eq_sym => ->; rewrite mul0r.
    by rewrite relu_id // subr_ge0.
  rewrite [good w l.+1]/= ffunE => /forallP fd; rewrite /= subr0; congr (act l _).
  rewrite /affine /=.
  transitivity (\sum_(i : T l) \sum_(j : 'I_(q l)) (if chosen l (u, k) i == Some j then W u i else 0) *
      (forward act W b x l i - shift l i) + (b u + \sum_i W u i * shift l i)).
    congr (_ + _); rewrite pair_big /=; apply: eq_bigr => -[i j] _ /=.
    case: eqP => [|_]; last by rewrite !mul0r.
    by rewrite /chosen; case: pickP => // j' /andP[_ gj] [<-]; rewrite -(IH (ltnW hl) i j' gj).
  rewrite addrA addrAC; congr (_ + _); rewrite -big_split /=; apply: eq_bigr => i _.
  rewrite /chosen; case: pickP => [j hj|none].
    rewrite (bigD1 j) //= eqxx big1 ?addr0 => [|j' nj]; first by rewrite mulrBr subrK.
    by case: eqP => [[ej]|_]; [rewrite ej eqxx in nj|rewrite mul0r].
  rewrite big1 ?add0r => [|j _]; last by rewrite mul0r.
  case: (eqVneq (W u i) 0) => [->|nz]; first by rewrite !mul0r.
  by have := fd i; rewrite nz /= => /existsP[j]; rewrite none.
by move=> o k; rewrite (main L (leqnn L) o k) ?subr0.
Qed.

(* laws *)
Variable p : nat -> R.
Hypothesis p01 : forall l, 0 <= p l <= 1.
Local Notation dens := (density (T := T) (L := L) (q := q) p).
Let d01 (e : edge) : 0 <= dens e <= 1. Proof. exact: p01. Qed.
Let miss01 l n : 0 <= 1 - (1 - p l) ^+ n <= 1.
Proof.
have /andP[a c] := p01 l; have m0 : 0 <= 1 - p l by rewrite subr_ge0.
have m1 : (1 - p l) ^+ n <= 1 by rewrite exprn_ile1 // lerBlDr lerDl.
by rewrite subr_ge0 m1 lerBlDr lerDl exprn_ge0.
Qed.

Definition count l (good : {ffun copy l -> bool}) (u : T l) : nat := #|[pred i | good (u, i)]|.
Definition find_chance l (good : {ffun copy l -> bool}) (v : copy l.+1) : R :=
  \prod_(u : T l | @W l v.1 u != 0) (1 - (1 - p l) ^+ count good u).

Lemma good_local w w' l : (forall e : edge, (tag e < l)%N -> w e = w' e) -> good w l = good w' l.
Proof.
elim: l => [//|l IH] same; have {}IH : good w l = good w' l by apply: IH => e el; apply/same/leqW.
apply/ffunP => v; rewrite /= !ffunE /finds IH; apply: eq_forallb => u; congr (_ ==> _); apply: eq_existsb => i.
by congr (_ && _); rewrite /edge_in; case: Sumbool.sumbool_of_bool => // h; apply: same; rewrite /= ltnS.
Qed.

Section Level.
Variables (l : nat) (lL : (l < L)%N).
Let place (v : copy l.+1) (u : copy l) : edge := @Tagged 'I_L (Ordinal lL) (edges_at T q) (v, u).
Let place_inj v u v' u' : place v u = place v' u' -> v = v' /\ u = u'.
Proof. by move=> /eqP; rewrite /place eq_Tagged => /eqP[-> ->]. Qed.
Let edge_inE w v u : edge_in w v u = w (place v u).
Proof. by rewrite /edge_in; case: Sumbool.sumbool_of_bool => [h|]; [rewrite (bool_irrelevance h lL)|rewrite lL]. Qed.

Lemma finds_law (G : {ffun copy l -> bool}) v : Pr dens (fun w => finds w G v) = find_chance G v.
Proof.
have pi : injective (place v) by move=> u u' /place_inj[].
pose need u := @W l v.1 u != 0.
pose f (r : {ffun copy l -> bool}) : R := (served fst need [ffun e => r e && G e])%:R.
transitivity (Ex dens (fun w => f [ffun u => w (place v u)])).
  apply: eq_Ex => w; congr (_ : bool)%:R; apply: eq_forallb => u; congr (_ ==> _).
  apply/existsP/existsP => [[i /andP[ei gi]]|[[u' i] /= /andP[/eqP-> ]]].
    by exists (u, i); rewrite /= eqxx !ffunE -edge_inE ei gi.
  by rewrite !ffunE -edge_inE => h; exists i.
rewrite (Ex_part dens pi f) -[LHS]/(Pr _ (fun r => served fst need [ffun e => r e && G e])) alive_law.
apply: eq_bigr => u _; congr (1 - _); rewrite (eq_bigr (fun=> 1 - p l)) // prodr_const; congr (_ ^+ _).
have hi : injective (fun i : 'I_(q l) => (u, i)) by move=> i i' [].
rewrite /count -(card_imset _ hi); apply: eq_card => -[u' i]; rewrite unfold_in /=.
by apply/andP/imsetP => [[/eqP-> gi]|[i' gi [-> ->]]]; [exists i|rewrite eqxx].
Qed.

(* given the good copies of a layer, those of the next are independent *)
Theorem next_law (f : {ffun copy l.+1 -> bool} -> R) :
  Ex dens (fun w => f (good w l.+1)) = Ex dens (fun w => Ex (find_chance (good w l)) f).
Proof.
pose P (e : edge) := tag e == l :> nat.
pose x w : mask := [ffun e => P e && w e].
pose F (m : mask) (G : {ffun copy l -> bool}) := f [ffun v => finds m G v].
have Fx w G : F (x w) G = F w G.
  congr f; apply/ffunP => v; rewrite !ffunE; apply: eq_forallb => u; congr (_ ==> _); apply: eq_existsb => i.
  by rewrite !edge_inE ffunE /P eqxx.
transitivity (Ex dens (fun w => F (x w) (good w l))); first by apply: eq_Ex => w; rewrite Fx.
rewrite (@Ex_two _ _ dens P _ _ x (fun w => good w l) F) => [|w w' e|w w' e]; first last.
- by apply: good_local => e' lt; apply: e; rewrite /P; apply/eqP => el; rewrite el ltnn in lt.
- by apply/ffunP => e'; rewrite !ffunE; case Pe : (P e') => //=; exact: e.
apply: eq_Ex => w; rewrite (eq_Ex _ (g := fun w' => f [ffun v => finds w' (good w l) v])) => [|w']; last exact: Fx.
pose grp (e : edge) : option (copy l.+1) := [pick v | [exists u, e == place v u]].
have grpE v u : grp (place v u) = Some v.
  rewrite /grp; case: pickP => [v' /existsP[u' /eqP/place_inj[-> _]] //|/(_ v)/negbT/negP[]].
  by apply/existsP; exists u.
rewrite (@Ex_bits _ _ dens _ grp (fun v w' => finds w' (good w l) v) f) => [|v w1 w2 e]; last first.
  by apply: eq_forallb => u; congr (_ ==> _); apply: eq_existsb => i; rewrite !edge_inE e.
by apply: eq_bigr => u _; congr (_ * _); apply: eq_bigr => v _; rewrite /wt finds_law.
Qed.
End Level.

Definition enough l (good : {ffun copy l -> bool}) : bool :=
  [forall u : T l, (weights_out W u != 0%N) ==> (sources q t l <= count good u)%N].
Definition find_least l (v : T l.+1) : R := (1 - (1 - p l) ^+ sources q t l) ^+ weights_in W v.

Lemma find_least_le l (G : {ffun copy l -> bool}) v : enough G -> 0 <= find_least v.1 <= find_chance G v.
Proof.
move=> /forallP en; have /andP[a0 a1] := miss01 l (sources q t l).
rewrite exprn_ge0 //= /find_least /weights_in -prodr_const; apply: ler_prod => u nz; rewrite a0 lerD2l lerN2.
have read : weights_out W u != 0%N by rewrite -lt0n; apply/card_gt0P; exists v.1.
have le : (sources q t l <= count G u)%N by have /implyP/(_ read) := en u.
have /andP[p0 p1] := p01 l; apply: ler_wiXn2l => //; first by rewrite subr_ge0.
by rewrite lerBlDr lerDl.
Qed.

Lemma find_chance_le1 l (G : {ffun copy l -> bool}) v : find_chance G v <= 1.
Proof.
apply: (@le_trans _ _ (\prod_(u : T l | @W l v.1 u != 0) 1)); last by rewrite big1.
by apply: ler_prod => u _; exact: miss01.
Qed.

Section Monotone.
Variables (l : nat) (lL : (l < L)%N) (f : {ffun copy l.+1 -> bool} -> R).
Hypothesis f0 : forall u, 0 <= f u.
Hypothesis fm : forall u u' : {ffun copy l.+1 -> bool}, (forall v, u v -> u' v) -> f u <= f u'.

Lemma level_law : Pr dens (fun w => enough (good w l)) * Ex (fun v : copy l.+1 => find_least v.1) f <=
  Ex dens (fun w => f (good w l.+1)).
Proof.
rewrite (next_law lL) mulrC -ExZ; apply: le_Ex => // w.
case: (boolP (enough (good w l))) => [en|_]; last first.
  rewrite mulr0 -[X in X <= _](Ex_cst (find_chance (good w l)) 0); apply: le_Ex => // v.
  by rewrite find_chance_le1 andbT; apply: prodr_ge0 => u _; case/andP: (miss01 l (count (good w l) u)).
rewrite mulr1; apply: Ex_mono => // v; split; [exact: find_least_le|exact: find_chance_le1].
Qed.
End Monotone.

Lemma count_le l (G G' : {ffun copy l -> bool}) u : (forall v, G v -> G' v) -> (count G u <= count G' u)%N.
Proof. by move=> le; apply: subset_leq_card; apply/subsetP => i; rewrite !inE; exact: le. Qed.

(* copies of different neurons are independent, and those of one have a binomial law *)
Lemma copies_law l (g : T l -> R) (F : T l -> nat -> R) :
  Ex (fun v : copy l => g v.1) (fun G => \prod_u F u (count G u)) =
  \prod_u \sum_(k < (q l).+1) bin_mass (g u) (q l) k * F u k.
Proof.
rewrite (Ex_blocks (fun v : copy l => g v.1) (grp := fun e : copy l => e.1) (g := fun u (G : {ffun copy l -> bool}) => F u (count G u))); last first.
  by move=> u G G' h; congr (F u _); apply: eq_card => k; rewrite !inE h.
apply: eq_bigr => u _; pose h (k : 'I_(q l)) : copy l := (u, k).
have hi : injective h by move=> k k' [].
have := Ex_part (fun v : copy l => g v.1) hi (fun r => F u #|[pred k | r k]|).
have := binomial_law [finType of 'I_(q l)] (g u) (F u); rewrite card_ord => <- <-.
by apply: eq_Ex => G; congr (F u _); apply: eq_card => k; rewrite !inE ffunE.
Qed.

Let enoughE l (G : {ffun copy l.+1 -> bool}) : (enough G)%:R =
  \prod_(u : T l.+1) (if weights_out W u != 0%N then (t l.+1 <= count G u)%N%:R else 1) :> R.
Proof.
rewrite /enough; case: forallP => [en|/forallP].
  by rewrite big1 // => u _; case: ifP => // nz; have := en u; rewrite nz /= => ->.
rewrite negb_forall => /existsP[u]; rewrite negb_imply => /andP[nz /negbTE no].
by rewrite (bigD1 u) //= nz no mul0r.
Qed.

Lemma enough_law l : Pr (fun v : copy l.+1 => find_least v.1) (@enough l.+1) =
  \prod_(u : T l.+1 | weights_out W u != 0%N)
    \sum_(k < (q l.+1).+1) bin_mass (find_least u) (q l.+1) k * (t l.+1 <= k)%N%:R.
Proof.
rewrite /Pr (eq_Ex _ (@enoughE l)).
rewrite (copies_law (@find_least l) (fun u k => if weights_out W u != 0%N then (t l.+1 <= k)%N%:R else 1)).
rewrite [RHS]big_mkcond; apply: eq_bigr => u _; case: (weights_out W u != 0%N) => //.
by have := @binomial_law R [finType of 'I_(q l.+1)] (find_least u) (fun=> 1); rewrite card_ord Ex_cst => <-.
Qed.

Let mass0 (x : R) n k : 0 <= x <= 1 -> 0 <= bin_mass x n k.
Proof. by move=> /andP[x0 x1]; rewrite /bin_mass !mulr_ge0 ?ler0n ?exprn_ge0 ?subr_ge0. Qed.
Let least01 l (u : T l.+1) : 0 <= (find_least u : R) <= 1.
Proof. by have /andP[a0 a1] := miss01 l (sources q t l); rewrite exprn_ge0 ?exprn_ile1. Qed.

Lemma enough_from n : (n < L)%N ->
  \prod_(l < n) Pr (fun v : copy l.+1 => find_least v.1) (@enough l.+1) <= Pr dens (fun w => enough (good w n)).
Proof.
elim: n => [_|n IH nL].
  rewrite big_ord0 -[X in X <= _](Ex_cst dens 1); apply: le_Ex => // w.
  suff -> : enough (good w 0) by [].
  apply/forallP => u; apply/implyP => _; rewrite [count _ _](_ : _ = q 0%N) // -[RHS]card_ord.
  by apply: eq_card => i; rewrite !inE ffunE.
pose f (G : {ffun copy n.+1 -> bool}) : R := (enough G)%:R.
have f0 G : 0 <= f G by exact: ler0n.
have fm (G G' : {ffun copy n.+1 -> bool}) : (forall v, G v -> G' v) -> f G <= f G'.
  move=> le; rewrite /f; case: (boolP (enough G)) => [/forallP en|_]; last exact: ler0n.
  suff -> : enough G' by [].
  by apply/forallP => u; apply/implyP => nz; have /implyP/(_ nz)/leq_trans := en u; apply; exact: count_le.
rewrite big_ord_recr /=; apply: le_trans (level_law (ltnW nL) f0 fm); apply: ler_wpM2r; last exact: (IH (ltnW nL)).
by apply: Pr_ge0 => v; exact: least01.
Qed.

(* all copies of all outputs find what they need *)
Definition found (G : {ffun copy D.+1 -> bool}) : R :=
  \prod_(u : T D.+1) (1 - (1 - p D.+1) ^+ count G u) ^+ (weights_out W u * q L).

Lemma kept_found : Pr dens kept = Ex dens (fun w => found (good w D.+1)).
Proof.
rewrite /Pr /kept (next_law (ltnSn D.+1) (fun G => [forall v, G v]%:R)); apply: eq_Ex => w.
transitivity (\prod_(v : copy L) find_chance (good w D.+1) v).
  transitivity (Ex (find_chance (good w D.+1)) (fun G => \prod_v (G v)%:R)).
    apply: eq_Ex => G; case: forallP => [all|/forallP]; first by rewrite big1 // => v _; rewrite all.
    by rewrite negb_forall => /existsP[v /negbTE no]; rewrite (bigD1 v) //= no mul0r.
  rewrite (Ex_prod _ (fun _ (c : bool) => c%:R)); apply: eq_bigr => v _.
  by rewrite mulr1 mulr0 addr0.
rewrite /find_chance /found (exchange_big_dep xpredT) //=; apply: eq_bigr => u _.
rewrite prodr_const; congr (_ ^+ _).
transitivity #|[predX [pred v : T L | @W D.+1 v u != 0] & 'I_(q L)]|; last by rewrite cardX card_ord.
by apply: eq_card => -[v k]; rewrite !inE andbT.
Qed.

Theorem kept_law : drop_law W p q t D <= Pr dens kept.
Proof.
have f0 G : 0 <= found G by apply: prodr_ge0 => u _; rewrite exprn_ge0 //; case/andP: (miss01 D.+1 (count G u)).
have fm (G G' : {ffun copy D.+1 -> bool}) : (forall v, G v -> G' v) -> found G <= found G'.
  move=> le; apply: ler_prod => u _; have /andP[a0 a1] := miss01 D.+1 (count G u).
  rewrite exprn_ge0 //=; apply: lerXn2r; rewrite ?nnegrE //; first by case/andP: (miss01 D.+1 (count G' u)).
  have /andP[p0 p1] := p01 D.+1; rewrite lerD2l lerN2; apply: ler_wiXn2l; rewrite ?subr_ge0 ?count_le //.
  by rewrite lerBlDr lerDl.
rewrite kept_found /drop_law big_ord_recr /=; apply: le_trans (level_law (leqnSn D.+1) f0 fm).
rewrite [X in _ <= _ * X](copies_law (@find_least D) (fun u k => (1 - (1 - p D.+1) ^+ k) ^+ (weights_out W u * q L))).
have gain0 l k c : 0 <= (if l == D then (1 - (1 - p l.+1) ^+ k) ^+ c else (t l.+1 <= k)%N%:R : R).
  by case: ifP => _; rewrite ?ler0n // exprn_ge0 //; case/andP: (miss01 l.+1 k).
have chance0 l u : 0 <= drop_chance p q t D l (weights_in W u) (@weights_out R T W l.+1 u).
  by apply: sumr_ge0 => k _; rewrite mulr_ge0 ?gain0 // mass0 //; exact: least01.
apply: ler_pM.
- by apply: prodr_ge0 => l _; apply: prodr_ge0 => u _; exact: chance0.
- by apply: prodr_ge0 => u _; exact: chance0.
- apply: le_trans (enough_from (leqnSn D.+1)); rewrite le_eqVlt; apply/orP; left; apply/eqP.
  apply: eq_bigr => l _; rewrite enough_law; apply: eq_bigr => u _; apply: eq_bigr => k _.
  by rewrite (ltn_eqF (ltn_ord l)).
rewrite big_mkcond /= le_eqVlt; apply/orP; left; apply/eqP; apply: eq_bigr => u _; case: ifP => [_|/negbFE/eqP z].
  by apply: eq_bigr => k _; rewrite eqxx.
have := @binomial_law R [finType of 'I_(q D.+1)] (find_least u) (fun=> 1); rewrite card_ord Ex_cst z mul0n => ->.
by apply: eq_bigr => k _; rewrite expr0.
Qed.

(* layer 0 dense *)
Theorem drop_deep (rep : pred mask) : (forall w, represented act W b lo w -> rep w) -> drop_law W p q t D <= Pr dens rep.
Proof.
move=> repP; apply: le_trans kept_law _; apply: le_Pr => // w kw.
by apply/repP/represented_by_id/kept_construction.
Qed.
End Deep.
