(* Lemma 2.4 as printed is false near p = 1: n variables have 2^n subset sums, whatever their law is.                  *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Count.
(* any finite probability space Omega, and n variables on it *)
Variables (R : realFieldType) (Omega : finType) (mu : Omega -> R) (n : nat) (X : Omega -> 'I_n -> R) (eps : R).
Hypotheses (mu0 : forall o, 0 <= mu o) (mu1 : \sum_o mu o = 1).
(* some subset sum is close to z; the variables that a mask leaves have fewer *)
Definition reached (z : R) (o : Omega) : bool := [exists S : {set 'I_n}, `|\sum_(i in S) X o i - z| <= eps].
Definition chance (z : R) : R := \sum_o mu o * (reached z o)%:R.
Definition grid (j : 'I_(2 ^ n).+1) : R := 2%:R * j%:R / (2 ^ n)%:R - 1.
Hypothesis small : eps * (2 ^ n)%:R < 1.

Let m0 : 0 < (2 ^ n)%:R :> R. Proof. by rewrite ltr0n expn_gt0. Qed.

Lemma few_reached o : (#|[pred j | reached (grid j) o]| <= 2 ^ n)%N.
Proof.
pose near j := [pick S : {set 'I_n} | `|\sum_(i in S) X o i - grid j| <= eps].
pose f j : {set 'I_n} := odflt set0 (near j).
have fP j : reached (grid j) o -> `|\sum_(i in f j) X o i - grid j| <= eps.
  by rewrite /f /near => /existsP[S hS]; case: pickP => [//|/(_ S)]; rewrite hS.
have fi : {in [pred j | reached (grid j) o] &, injective f}.
  move=> j k; rewrite !inE => /fP hj /fP hk e; rewrite e in hj.
  have close : `|grid j - grid k| <= eps + eps.
    move: hj hk; move: (\sum_(i in f k) X o i) (grid j) (grid k) => s x y hx hy.
    rewrite (_ : x - y = (s - y) - (s - x)); last by ring.
    by apply: le_trans (ler_normB _ _) _; exact: lerD.
  have apart : `|(j%:R : R) - k%:R| < 1.
    have -> : (j%:R : R) - k%:R = (grid j - grid k) * ((2 ^ n)%:R / 2%:R).
      rewrite /grid; move: (gt_eqF m0); move: (2 ^ n)%:R (j%:R) (k%:R) => m x y m1.
      by field; rewrite m1.
    rewrite normrM [X in _ * X]ger0_norm ?divr_ge0 ?ler0n //.
    apply: (@le_lt_trans _ _ ((eps + eps) * ((2 ^ n)%:R / 2%:R))); first by rewrite ler_wpM2r // divr_ge0 ?ler0n.
    move: small; move: (2 ^ n)%:R => m; rewrite (_ : (eps + eps) * _ = eps * m) //; by field.
  apply/val_inj/eqP; rewrite /= eqn_leq; move: apart; rewrite ltr_norml => /andP[lo hi].
  have less (x y : nat) : (x%:R : R) - y%:R < 1 -> (x <= y)%N.
    by rewrite ltrBlDl -[1]/(1%:R) -natrD addn1 ltr_nat ltnS.
  rewrite (less j k hi); apply: less; by rewrite -opprB ltrNl.
rewrite -(card_in_imset fi); apply: leq_trans (max_card _) _.
rewrite -cardsT (_ : [set: {set 'I_n}] = powerset [set: 'I_n]); first by rewrite card_powerset cardsT card_ord.
by apply/setP => A; rewrite !inE subsetT.
Qed.

Theorem some_missed : exists2 z : R, -1 <= z <= 1 & chance z <= (2 ^ n)%:R / (2 ^ n).+1%:R.
Proof.
have total : \sum_j chance (grid j) <= (2 ^ n)%:R.
  apply: (@le_trans _ _ (\sum_o mu o * (2 ^ n)%:R)); last by rewrite -mulr_suml mu1 mul1r.
  rewrite /chance exchange_big /=; apply: ler_sum => o _.
  have -> : \sum_j mu o * (reached (grid j) o)%:R = mu o * #|[pred j | reached (grid j) o]|%:R.
    rewrite -mulr_sumr -sum1_card natr_sum; congr (_ * _); rewrite [RHS]big_mkcond /=.
    by apply: eq_bigr => j _; rewrite inE; case: (reached _ _).
  by apply: ler_wpM2l; [exact: mu0|rewrite ler_nat; exact: few_reached].
have c0 : 0 < (2 ^ n).+1%:R :> R by rewrite ltr0n.
case: (pickP (fun j => chance (grid j) <= (2 ^ n)%:R / (2 ^ n).+1%:R)) => [j hj|none].
  exists (grid j); last exact: hj.
  have j1 : j%:R <= (2 ^ n)%:R :> R by rewrite ler_nat -ltnS ltn_ord.
  have x0 : 0 <= 2%:R * j%:R / (2 ^ n)%:R :> R by rewrite divr_ge0 ?mulr_ge0 ?ler0n.
  have x2 : 2%:R * j%:R / (2 ^ n)%:R <= 2%:R :> R by rewrite ler_pdivrMr //; apply: ler_wpM2l; rewrite ?ler0n.
  apply/andP; split; first by rewrite /grid lerBrDr addNr.
  by rewrite /grid lerBlDr; exact: x2.
have above j : (2 ^ n)%:R / (2 ^ n).+1%:R < chance (grid j) by rewrite ltNge none.
have : \sum_(j < (2 ^ n).+1) (2 ^ n)%:R / (2 ^ n).+1%:R < \sum_j chance (grid j).
  rewrite [X in X < _]big_ord_recl [X in _ < X]big_ord_recl; apply: ltr_leD; first exact: above.
  by apply: ler_sum => j _; exact/ltW/above.
rewrite sumr_const card_ord -[X in X < _]mulr_natr divfK ?gt_eqF // => lt.
by have := lt_le_trans lt total; rewrite ltxx.
Qed.
End Count.

(* the printed condition n >= C log(1/min(delta, eps)) / log(1/(1-p)) says (1 - p)^n <= min(delta, eps)^C: for every C
   one variable is enough where p is close to 1, and yet some z in [-1, 1] is missed with probability 1/3 or more *)
Theorem printed_lemma_2_4_is_false (R : realFieldType) (C : nat) (eps delta : R) :
  0 < eps -> eps < 1 / 2%:R -> 0 < delta -> delta < 1 / 3%:R ->
  exists2 p : R, 0 < p <= 1 - Num.min delta eps ^+ C.+1 /\ (1 - p) ^+ 1 <= Num.min delta eps ^+ C.+1 &
    forall (Omega : finType) (mu : Omega -> R) (X : Omega -> 'I_1 -> R),
      (forall o, 0 <= mu o) -> \sum_o mu o = 1 -> exists2 z, -1 <= z <= 1 & chance mu X eps z < 1 - delta.
Proof.
move=> e0 e2 d0 d3; set m := Num.min delta eps.
have m0 : 0 < m by rewrite /m lt_min d0 e0.
have half : 1 / 2%:R < 1 :> R by rewrite div1r invf_lt1 ?ltr1n ?ltr0n.
have m1 : m < 1 by rewrite /m gt_min (lt_trans e2 half) orbT.
have mC : m ^+ C.+1 < 1 by rewrite exprn_ilt1 // ltW.
exists (1 - m ^+ C.+1); first by rewrite subr_gt0 mC lexx subKr expr1 lexx.
move=> Omega mu X mu0 mu1; have small : eps * (2 ^ 1)%:R < 1.
  by rewrite expn1 -ltr_pdivlMr ?ltr0n.
have [z hz le] := some_missed X mu0 mu1 small; exists z => //; apply: le_lt_trans le _.
rewrite expn1 (_ : 2%:R / 3%:R = 1 - 1 / 3%:R :> R); last by field.
by rewrite ltrD2l ltrN2.
Qed.
