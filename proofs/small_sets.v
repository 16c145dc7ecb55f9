(* A random set that is known to be small avoids given elements hardly more often than by its mean size.              *)
From Coq Require Import Lia.
From mathcomp Require Import all_ssreflect all_algebra ring.
From ERProofs Require Import names bernoulli exact_laws factored_law.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* c <= k: the quotients of neighbours fall *)
Lemma binomial_quotients M k c : (c <= k)%N -> ('C(M, k) * 'C(M.+2, c) <= 'C(M.+1, k) * 'C(M.+1, c))%N.
Proof.
move=> ck; case: (ltnP M k) => [/bin_small->|kM]; first by rewrite mul0n.
have cM := leq_trans ck kM; have pos : (0 < M.+1 * (M.+2 - c))%N by rewrite muln_gt0 subn_gt0 ltnS leqW.
rewrite -(leq_pmul2l pos).
have e1 : (M.+1 * 'C(M, k) = (M.+1 - k) * 'C(M.+1, k))%N by exact: (mul_bin_down M.+1 k).
have e2 : ((M.+2 - c) * 'C(M.+2, c) = M.+2 * 'C(M.+1, c))%N by rewrite -(mul_bin_down M.+2 c).
rewrite (_ : _ * _ * (_ * _) = (M.+1 * 'C(M, k)) * ((M.+2 - c) * 'C(M.+2, c)))%N; last by rewrite mulnACA.
rewrite e1 e2 mulnACA leq_mul2r; apply/orP; right.
have [y ey] : exists y, k = (c + y)%N by exists (k - c)%N; rewrite subnKC.
have [x ex] : exists x, M = (c + y + x)%N by exists (M - k)%N; rewrite -ey subnKC.
rewrite ex ey (_ : (c + y + x).+1 - (c + y) = x.+1)%N; last by rewrite -addnS addKn.
rewrite (_ : (c + y + x).+2 - c = (y + x).+2)%N; last by rewrite -addnA -!addnS addKn.
by apply/ssrnat.leP; rewrite -!multE -!plusE; nia.
Qed.

Section Small.
Variables (R : realFieldType) (p : R).
Hypothesis h : 0 <= p <= 1.
Local Notation q := (1 - p).
Let p0 : 0 <= p. Proof. by case/andP: h. Qed.
Let q0 : 0 <= q. Proof. by rewrite subr_ge0; case/andP: h. Qed.

(* P(Bin(M, p) < k) *)
Definition fewer (k M : nat) : R := \sum_(i < k) bin_mass p M i.

Let mass0 M i : 0 <= bin_mass p M i. Proof. by rewrite /bin_mass !mulr_ge0 ?ler0n ?exprn_ge0. Qed.

Lemma fewer_ge0 k M : 0 <= fewer k M.
Proof. by apply: sumr_ge0 => i _; exact: mass0. Qed.

Lemma mass_next M i : bin_mass p M.+1 i.+1 = q * bin_mass p M i.+1 + p * bin_mass p M i.
Proof.
rewrite /bin_mass binS natrD exprS subSS; case: (ltnP i M) => iM.
  by rewrite -(subnSK iM) exprS; ring.
by rewrite (bin_small (_ : M < i.+1)%N) ?ltnS //; ring.
Qed.

Lemma mass_next0 M : bin_mass p M.+1 0 = q * bin_mass p M 0.
Proof. by rewrite /bin_mass !bin0 !expr0 !subn0 exprS; ring. Qed.

Lemma fewer_next k M : fewer k.+1 M.+1 = fewer k.+1 M - p * bin_mass p M k.
Proof.
elim: k => [|k IH]; first by rewrite /fewer !big_ord_recl !big_ord0 /= mass_next0; ring.
by rewrite /fewer big_ord_recr /= -/(fewer k.+1 M.+1) IH mass_next [in RHS]big_ord_recr /= -/(fewer k.+1 M); ring.
Qed.

Lemma mass_quotients M k c : (c <= k)%N -> bin_mass p M k * bin_mass p M.+2 c <= bin_mass p M.+1 k * bin_mass p M.+1 c.
Proof.
move=> ck; rewrite /bin_mass; case: (ltnP M k) => [Mk|kM].
  by rewrite (bin_small Mk) !mul0r !mulr_ge0 ?ler0n ?exprn_ge0.
have cM := leq_trans ck kM; rewrite (subSn (leqW cM)) !(subSn cM) (subSn kM) !exprS.
rewrite (_ : _ * _ * _ * _ = ('C(M, k) * 'C(M.+2, c))%:R * (p ^+ k * p ^+ c * (q ^+ (M - k) * (q * (q * q ^+ (M - c))))));
  last by rewrite natrM; ring.
rewrite (_ : _ * _ * _ * (_ * _ * _) = ('C(M.+1, k) * 'C(M.+1, c))%:R * (p ^+ k * p ^+ c * (q ^+ (M - k) * (q * (q * q ^+ (M - c))))));
  last by rewrite natrM; ring.
by rewrite ler_wpM2r ?ler_nat ?binomial_quotients // !mulr_ge0 ?exprn_ge0.
Qed.

Lemma fewer_concave k M : fewer k M * fewer k M.+2 <= fewer k M.+1 ^+ 2.
Proof.
case: k => [|k]; first by rewrite /fewer !big_ord0 mul0r expr0n.
have up : bin_mass p M k * fewer k.+1 M.+2 <= bin_mass p M.+1 k * fewer k.+1 M.+1.
  by rewrite /fewer !mulr_sumr; apply: ler_sum => c _; apply: mass_quotients; rewrite -ltnS.
move: (fewer_next k M) (fewer_next k M.+1) up.
move: (fewer k.+1 M) (fewer k.+1 M.+1) (fewer k.+1 M.+2) (bin_mass p M k) (bin_mass p M.+1 k) => a b c x y e1 e2 up.
have -> : a = b + p * x by rewrite e1 subrK.
rewrite -subr_ge0 (_ : _ - _ = p * (y * b - x * c)); first by rewrite mulr_ge0 // subr_ge0.
by rewrite e2; ring.
Qed.

(* r is what one element is avoided with, at most; then t elements are avoided with r^t, at most *)
Lemma fewer_power k N r t : (t <= N)%N -> (0 < N)%N -> 0 <= r -> q * fewer k N.-1 <= r * fewer k N ->
  q ^+ t * fewer k (N - t) <= r ^+ t * fewer k N.
Proof.
move=> tN N0 r0 one.
case: (eqVneq k 0%N) => [->|k0]; first by rewrite /fewer !big_ord0 !mulr0.
have step u : (u < N)%N -> q * fewer k (N - u.+1) <= r * fewer k (N - u).
  elim: u => [|u IH] uN; first by rewrite subn0 subn1.
  have {}IH := IH (ltnW uN).
  case: (eqVneq q 0) => [->|qn]; first by rewrite mul0r mulr_ge0 ?fewer_ge0.
  have pos : 0 < fewer k (N - u).
    case: k k0 {one IH} => // k _; rewrite /fewer big_ord_recl ltr_wpDr //; first by apply: sumr_ge0 => i _; exact: mass0.
    by rewrite /bin_mass bin0 expr0 !mul1r exprn_gt0 // lt_neqAle eq_sym qn.
  have [M eM] : exists M, (N - u.+2)%N = M by exists (N - u.+2)%N.
  have e1 : (N - u.+1)%N = M.+1 by rewrite -eM -subSn // subSS.
  have e2 : (N - u)%N = M.+2 by rewrite -e1 -subSn ?subSS // ltnW.
  rewrite eM e1 e2 in IH pos *; rewrite -(ler_pM2r pos) -mulrA.
  apply: le_trans (ler_wpM2l q0 (fewer_concave k M)) _; rewrite expr2 mulrA [X in _ <= X]mulrAC.
  by rewrite ler_wpM2r ?fewer_ge0.
elim: t tN => [|t IH] tN; first by rewrite subn0 !expr0.
rewrite !exprSr -mulrA; apply: le_trans (ler_wpM2l (exprn_ge0 t q0) (step t tN)) _.
by rewrite mulrCA [X in _ <= X]mulrAC [r * _]mulrC ler_wpM2r // IH // ltnW.
Qed.

(* in terms of the mean *)
Lemma fewer_mean k N rho : (0 < N)%N -> N%:R * rho * fewer k N <= \sum_(i < k) bin_mass p N i * i%:R ->
  q * fewer k N.-1 <= (1 - rho) * fewer k N.
Proof.
move=> N0 mean; have Np : 0 < N%:R :> R by rewrite ltr0n.
have e : N%:R * (q * fewer k N.-1) = N%:R * fewer k N - \sum_(i < k) bin_mass p N i * i%:R.
  rewrite /fewer !mulr_sumr -sumrB; apply: eq_bigr => i _; case: N N0 {mean Np} => // N _ /=.
  rewrite [bin_mass p N.+1 i * _]mulrC -mulrBl; case: (leqP i N) => iN.
    rewrite -natrB ?leqW // /bin_mass (subSn iN) exprS.
    have := mul_bin_down N.+1 i; rewrite /= => /(congr1 (fun n => n%:R : R)); rewrite !natrM => bin.
    rewrite -(subSn iN) !mulrA -bin; ring.
  rewrite /bin_mass (bin_small iN) !mul0r !mulr0; case: (ltnP N.+1 i) => [/bin_small->|le]; first by rewrite !mul0r mulr0.
  by rewrite (_ : (i : nat) = N.+1) ?subrr ?mul0r //; apply/eqP; rewrite eqn_leq le.
rewrite -(ler_pM2l Np) e mulrA mulrBr mulr1 mulrBl lerD2l lerN2; exact: mean.
Qed.
End Small.
