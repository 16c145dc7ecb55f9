(* The explicit theorem on random subset sums with any exponent t in (0, 1] (real numbers: mathcomp-analysis).        *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From mathcomp Require Import boolp reals classical_sets topology normedtype sequences derive exp.
From ERProofs Require Import names subset_sums.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory numFieldNormedType.Exports.
Local Open Scope ring_scope.

Section Exponents.
Variable R : realType.

Lemma tangent (x : R) : 1 + x <= expR x.
Proof.
case: (lerP 0 x) => x0; first exact: expR_ge1Dx.
have [|c cx e0] := @MVT R expR expR x 0 x0.
  by apply: continuous_subspaceT => y; exact: continuous_expR.
have c0 : c <= 0 by move: cx; rewrite in_itv /= => /andP[_ /ltW].
have e : 1 - expR x = expR c * - x by rewrite -(expR0 R) e0 sub0r.
have : 1 - expR x <= - x by rewrite e ler_piMl ?oppr_ge0 ?(ltW x0) // -(expR0 R) ler_expR.
rewrite -subr_ge0 -[1 + x <= _]subr_ge0; have -> // : - x - (1 - expR x) = expR x - (1 + x).
by move: (expR x) => y; ring.
Qed.

Lemma convex_exp (x b : R) : 0 <= x <= 1 -> expR (x * b) <= 1 - x + x * expR b.
Proof.
move=> /andP[x0 x1]; set c := x * b.
have one : expR c * (1 - c) <= 1.
  by rewrite -[X in _ <= X](expRxMexpNx_1 c) ler_wpM2l ?(ltW (expR_gt0 _)) // tangent.
have two : expR c * (1 + (b - c)) <= expR b.
  have -> : expR b = expR c * expR (b - c) by rewrite -expRD addrC subrK.
  by rewrite ler_wpM2l ?(ltW (expR_gt0 _)) // tangent.
have x1' : 0 <= 1 - x by rewrite subr_ge0.
have := lerD (ler_wpM2l x1' one) (ler_wpM2l x0 two); rewrite mulr1; apply: le_trans.
by rewrite le_eqVlt; apply/orP; left; apply/eqP; rewrite /c; move: (expR _) => y; ring.
Qed.

Variable t : R.
Hypothesis t01 : 0 < t <= 1.
Definition power (v : R) : R := expR (- t * ln v).
Definition slope : R := 1 - expR (- t * ln 2%:R).

Let ln2 : 0 < ln (2%:R : R). Proof. by rewrite ln_gt0 // ltr1n. Qed.

Lemma slope01 : 0 <= slope <= 2%:R^-1.
Proof.
have /andP[t0 t1] := t01; apply/andP; split.
  by rewrite subr_ge0 -[X in _ <= X](expR0 R) ler_expR mulNr oppr_le0 mulr_ge0 // ltW.
have half : 2%:R^-1 <= expR (- t * ln 2%:R) :> R.
  rewrite -[X in X <= _]lnK ?posrE ?invr_gt0 ?ltr0n // ler_expR lnV ?posrE ?ltr0n //.
  by rewrite mulNr lerN2 ler_piMl // ltW.
rewrite lerBlDr -lerBlDl; apply: le_trans half.
by rewrite le_eqVlt; apply/orP; left; apply/eqP; field.
Qed.

Lemma power_ge1 v : 0 < v <= 1 -> 1 <= power v.
Proof.
move=> /andP[v0 v1]; have /andP[t0 t1] := t01.
rewrite /power -[X in X <= _](expR0 R) ler_expR mulNr -mulrN mulr_ge0 ?(ltW t0) // oppr_ge0 -ln1.
by rewrite ler_ln ?posrE ?ltr01.
Qed.

Lemma power_falls v v' : 0 < v -> v <= v' -> power v' <= power v.
Proof.
move=> v0 vv'; have /andP[t0 t1] := t01; have v'0 := lt_le_trans v0 vv'.
by rewrite /power ler_expR !mulNr lerN2 ler_pM2l // ler_ln ?posrE.
Qed.

Lemma power_chord v g : 0 < v -> 0 <= g <= v -> power (v + g) <= power v * (1 - slope * g / v).
Proof.
move=> v0 /andP[g0 gv]; have /andP[t0 t1] := t01; pose x := g / v.
have x0 : 0 <= x by rewrite divr_ge0 // ltW.
have x1 : x <= 1 by rewrite ler_pdivrMr // mul1r.
have x01 : 0 <= x <= 1 by rewrite x0.
have ox : 0 < 1 + x by rewrite ltr_pwDl.
have -> : v + g = v * (1 + x) by rewrite mulrDr mulr1 /x mulrCA divff ?mulr1 ?gt_eqF.
rewrite /power lnM ?posrE // [- t * (_ + _)]mulrDr expRD ler_wpM2l ?(ltW (expR_gt0 _)) //.
have le : x * ln 2%:R <= ln (1 + x).
  rewrite -ler_expR lnK ?posrE //; apply: le_trans (convex_exp _ x01) _.
  by rewrite lnK ?posrE ?ltr0n // le_eqVlt; apply/orP; left; apply/eqP; ring.
apply: (@le_trans _ _ (expR (x * (- t * ln 2%:R)))).
  by rewrite ler_expR mulrCA !mulNr lerN2 ler_pM2l.
apply: le_trans (convex_exp _ x01) _.
by rewrite -mulrA -/x /slope le_eqVlt; apply/orP; left; apply/eqP; ring.
Qed.

(* Theorem A': for numbers on a grid of m cells, whatever their offsets *)
Theorem explicit_exponent (m n : nat) (p z eps : R) (u : nat -> R) :
  0 <= p <= 1 -> 0 <= z <= 1 -> eps <= 1 -> (forall i, 0 <= u i <= 1) -> n.+1%:R < eps * m%:R ->
  mean (weight (m := m) p) n (fun s => (~~ close z eps u s)%:R) <=
    (1 - p / 2%:R * (1 - expR (- t * ln 2%:R))) ^+ n * expR (- t * ln (eps - n.+1%:R / m%:R)).
Proof.
move=> p01 z01 e1 u01 room; rewrite -/slope -/(power _) -mulrA [2%:R^-1 * _]mulrC.
exact: explicit_potential slope01 power_ge1 power_falls power_chord.
Qed.
End Exponents.
