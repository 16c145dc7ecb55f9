(* Theorem 2.1 as printed, layer 0 masked, target 1-1-1 at density 1/100: at most .2173, where .9 is claimed.         *)
From Coq Require Import NArith PArith Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli block_construction exact_laws rounding upward theorem_2_1_masked_inputs factored_certificate.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.

Section Computation.
Local Open Scope N_scope.
Variables (a b bits : N) (n0 : positive).  (* the density a / b of all layers, and the width of layer 0 *)
Let S : N := 2 ^ bits.
Definition power_dn (x : N) (k : nat) : N := if k is _.+1 then pow_dn S x (Pos.of_nat k) else S.
(* 1 - (1 - p (1 - (1 - p)^k))^n0 *)
Definition reached_dn (k : nat) : N := S - cdiv ((S - power_dn ((b - a) * S / b) k) * a) b.
Definition reached_up (k : nat) : up := if (40 < k)%nat then up_one else (S - pow_dn S (reached_dn k) n0, bits).
Definition path_up (n1 : nat) : up :=
  weighted (masses (up_ratio a b) (up_ratio (b - a) b) (N.of_nat n1) 0 (binomials (N.of_nat n1) 1 0 n1.+1))
    [seq reached_up k | k <- iota 0 n1.+1] up_zero.
Definition reached_ok (k : nat) : bool := (40 < k)%nat ||
  [&& power_dn ((b - a) * S / b) k <=? S, cdiv ((S - power_dn ((b - a) * S / b) k) * a) b <=? S & pow_dn S (reached_dn k) n0 <=? S].
Definition path_ok (n1 : nat) (num den : N) : bool :=
  [&& 0 <? b, a <=? b, 0 <? den, all reached_ok (iota 0 n1.+1) & up_le (path_up n1) num den].
End Computation.

Local Open Scope ring_scope.
Section Sound.
Variables (R : realFieldType) (a b bits : N) (n0 : positive) (n1 : nat) (num den : N).
Hypothesis ok : path_ok a b bits n0 n1 num den.
Let p : R := toR R a / toR R b.
Let S : N := (2 ^ bits)%bin.
Let S0 : (0 < S)%bin. Proof. by apply/N.neq_0_lt_0/N.pow_nonzero. Qed.
Let s0 : 0 < toR R S. Proof. exact: (toR_lt R S0). Qed.
Let b0 : (0 < b)%bin. Proof. by have /and5P[/N.ltb_lt h _ _ _ _] := ok. Qed.
Let bp : 0 < toR R b. Proof. exact: (toR_lt R b0). Qed.
Let ab : (a <= b)%bin. Proof. by have /and5P[_ /N.leb_le h _ _ _] := ok. Qed.
Lemma p01 : 0 <= p <= 1.
Proof. by rewrite divr_ge0 ?toR_ge0 //= ler_pdivrMr // mul1r; apply: toR_le. Qed.
Let missE : 1 - p = toR R (b - a)%bin / toR R b.
Proof. by rewrite toR_sub // mulrBl divff // gt_eqF. Qed.
Let r01 : 0 <= 1 - p <= 1. Proof. by have /andP[x y] := p01; rewrite subr_ge0 y lerBlDr lerDl. Qed.

Lemma reached_upP k : (k < n1.+1)%N ->
  bounds (reached_up a b bits n0 k) (1 - (1 - p * (1 - (1 - p) ^+ k)) ^+ Pos.to_nat n0).
Proof.
move=> kn; have /and5P[_ _ _ /allP all _] := ok; have := all k; rewrite mem_iota kn => /(_ isT).
have /andP[r0 r1] := r01; have /andP[p0 p1] := p01.
have x0 : 0 <= 1 - p * (1 - (1 - p) ^+ k).
  by rewrite subr_ge0 mulr_ile1 ?subr_ge0 ?exprn_ile1 // lerBlDr lerDl exprn_ge0.
rewrite /reached_ok /reached_up; case: ltnP => [_ _|_ /=].
  by rewrite /bounds value_one lerBlDr lerDl exprn_ge0.
case/and3P=> /N.leb_le h1 /N.leb_le h2 /N.leb_le h3.
have pw : below S (power_dn bits ((b - a) * S / b)%bin k) ((1 - p) ^+ k).
  case: (k) => [|j]; first by rewrite /below /= expr0 mul1r.
  have one : below S ((b - a) * S / b)%bin (1 - p) by rewrite missE; exact: ratio_dn.
  by have := pow_dnP S0 (Pos.of_nat j.+1) r0 one; rewrite Nat2Pos.id.
have u1 : 0 <= (1 - p) ^+ k <= 1 by rewrite exprn_ge0 ?exprn_ile1.
have /andP[u10 u11] := u1.
have sc : above S (cdiv ((S - power_dn bits ((b - a) * S / b)%bin k) * a)%bin b) (p * (1 - (1 - p) ^+ k)).
  have up := compl_up h1 pw; rewrite /above -(ler_pM2r bp) -toRM; apply: le_trans (toR_le R (@cdiv_ge _ _ b0)).
  rewrite toRM (_ : _ * toR R b = (1 - (1 - p) ^+ k) * toR R S * toR R a); last by rewrite /p; field; rewrite gt_eqF.
  by rewrite ler_wpM2r ?toR_ge0.
have dn := pow_dnP S0 n0 x0 (compl_dn h2 sc).
have := compl_up h3 dn; rewrite /above => ab3.
by rewrite /bounds /value /= ler_pdivlMr.
Qed.

Lemma path_le : \sum_(k < n1.+1) bin_mass p n1 k * (1 - (1 - p * (1 - (1 - p) ^+ k)) ^+ Pos.to_nat n0) <= toR R num / toR R den.
Proof.
have /and5P[_ _ /N.ltb_lt den0 _ le] := ok; apply: (up_leP den0 _ le).
have m0 k : 0 <= bin_mass p n1 k.
  by have /andP[x y] := p01; have /andP[z _] := r01; rewrite /bin_mass !mulr_ge0 ?ler0n ?exprn_ge0.
have := @binomialsE n1 0 n1.+1 (leqnn _); rewrite bin0 => bE.
have := @weightedP R (bin_mass p n1) (masses (up_ratio a b) (up_ratio (b - a) b) (N.of_nat n1) 0 (binomials (N.of_nat n1) 1 0 n1.+1))
  [seq reached_up a b bits n0 k | k <- iota 0 n1.+1] up_zero m0.
rewrite size_masses size_binomials size_map size_iota value_zero addr0 => /(_ erefl) w.
apply: le_trans (w _) => [|k kn].
  apply: ler_sum => k _; rewrite ler_wpM2l //.
  by rewrite (nth_map 0%N) ?size_iota // nth_iota // add0n; exact: reached_upP.
rewrite -[binomials _ 1%bin 0%bin _]/(binomials (N.of_nat n1) (N.of_nat 1) (N.of_nat 0) n1.+1) bE.
have bm : bounds (up_ratio a b) p by exact: up_ratioP.
have bq : bounds (up_ratio (b - a) b) (1 - p) by rewrite missE; exact: up_ratioP.
by have := massesP p01 bm bq (k := 0) (len := n1.+1) (leqnn _) kn; rewrite add0n.
Qed.
End Sound.

Lemma number_checked : path_ok 1 100 48 866 299 2173 10000.
Proof. by vm_cast_no_check (erefl true). Qed.

(* whatever the construction and the activations *)
Theorem printed_is_false_2173 (R : realFieldType) (act0 act1 : R -> R) (box : R -> Prop) (f : R -> R)
    (rep : pred {ffun edges3 (ordinal_finType (Pos.to_nat 866)) (ordinal_finType 299) -> bool}) :
  let p : R := toR R 1 / toR R 100 in
  (exists x x', [/\ box x, box x' & f x != f x']) ->
  (forall m, rep m -> represented3 act0 act1 box f m) ->
  Pr (three_layers p p p) rep <= toR R 2173 / toR R 10000.
Proof.
move=> p nc repP; have h := p01 R number_checked; apply: le_trans (path_le R number_checked).
have := law_path (ordinal_finType (Pos.to_nat 866)) (ordinal_finType 299) p p p; rewrite !card_ord => <-.
apply: le_Pr => [[[]|] //|m /repP]; exact: path_needed3.
Qed.
