(* Random subset sums on [-1, 1]: one step of the explicit theorem, on an arbitrary finite probability space.           *)
(* v: length of the set of points reached so far; hit: z is reached now; G: growth. What the continuous argument      *)
(* supplies are the hypotheses mean_hit and mean_growth (X uniform on [-1,1], window of length 1).                    *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Step.
Variables (R : realFieldType) (Omega : finType) (mu : Omega -> R) (hit : pred Omega) (G : Omega -> R) (v : R).
Hypotheses (mu0 : forall o, 0 <= mu o) (mu1 : \sum_o mu o = 1).
Hypotheses (v0 : 0 < v) (Gv : forall o, 0 <= G o <= v).
Hypothesis mean_hit : \sum_o mu o * (hit o)%:R = v / 2%:R.
Hypothesis mean_growth : \sum_o mu o * G o = v * (1 - v) / 2%:R.

Lemma chord g : 0 <= g <= v -> (v + g)^-1 <= v^-1 - (2%:R * v ^+ 2)^-1 * g.
Proof.
move=> /andP[g0 gv]; have vg : 0 < v + g by rewrite ltr_pwDl.
rewrite -subr_ge0; have -> : v^-1 - (2%:R * v ^+ 2)^-1 * g - (v + g)^-1 = g * (v - g) / (2%:R * v ^+ 2 * (v + g)).
  by field; rewrite !gt_eqF.
by rewrite divr_ge0 ?mulr_ge0 ?subr_ge0 ?ler0n ?exprn_ge0 // ltW.
Qed.

Theorem one_step : \sum_o mu o * ((~~ hit o)%:R / (v + G o)) <= (1 - 1 / 4%:R) / v.
Proof.
apply: (@le_trans _ _ (\sum_o (v^-1 * (mu o - mu o * (hit o)%:R) -
    (2%:R * v ^+ 2)^-1 * (mu o * G o - v * (mu o * (hit o)%:R))))).
  apply: ler_sum => o _; have /andP[g0 gv] := Gv o.
  case: (hit o) => /=; last first.
    rewrite mul1r !mulr0 !subr0 [_ * mu o]mulrC mulrCA -mulrBr; exact: ler_wpM2l (chord (Gv o)).
  rewrite mul0r !mulr0 !mulr1 subrr mulr0 add0r oppr_ge0 pmulr_rle0; last by rewrite invr_gt0 mulr_gt0 ?ltr0n ?exprn_gt0.
  by rewrite subr_le0 mulrC ler_wpM2r.
rewrite sumrB -!mulr_sumr !sumrB -mulr_sumr mu1 mean_hit mean_growth.
rewrite le_eqVlt; apply/orP; left; apply/eqP; field.
by rewrite gt_eqF.
Qed.

(* a potential that falls with v, and along v .. 2v at least as fast as a chord with the slope kappa *)
Section Potential.
Variables (psi : R -> R) (kappa : R).
Hypotheses (psi0 : 0 <= psi v) (kappa01 : 0 <= kappa <= 2%:R^-1).
Hypothesis chord_psi : forall g, 0 <= g <= v -> psi (v + g) <= psi v * (1 - kappa * g / v).

Theorem potential_step : \sum_o mu o * ((~~ hit o)%:R * psi (v + G o)) <= (1 - kappa / 2%:R) * psi v.
Proof.
have /andP[k0 k1] := kappa01.
apply: (@le_trans _ _ (\sum_o (psi v * (mu o - mu o * (hit o)%:R) -
    psi v * (kappa / v) * (mu o * G o - v * (mu o * (hit o)%:R))))).
  apply: ler_sum => o _; have /andP[g0 gv] := Gv o.
  case: (hit o) => /=; last first.
    rewrite mul1r !mulr0 !subr0 (_ : _ - _ = mu o * (psi v * (1 - kappa * G o / v))).
      by rewrite ler_wpM2l // chord_psi.
    by move: (v^-1) => i; ring.
  rewrite mul0r !mulr0 !mulr1 subrr mulr0 add0r oppr_ge0 mulr_ge0_le0 //; first by rewrite mulr_ge0 // divr_ge0 // ltW.
  by rewrite subr_le0 mulrC ler_wpM2r.
rewrite sumrB -!mulr_sumr !sumrB -mulr_sumr mu1 mean_hit mean_growth.
have -> : psi v * (1 - v / 2%:R) - psi v * (kappa / v) * (v * (1 - v) / 2%:R - v * (v / 2%:R)) =
    (1 - kappa / 2%:R) * psi v - psi v * (v * (2%:R^-1 - kappa)) by field; rewrite gt_eqF.
by rewrite lerBlDr lerDl mulr_ge0 // mulr_ge0 ?subr_ge0 // ltW.
Qed.
End Potential.
End Step.
