(* Hall's theorem: a system of distinct representatives exists if every set of k rows meets at least k columns.       *)
From mathcomp Require Import all_ssreflect.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Section Hall.
Variables (O J : finType) (j0 : J).
Implicit Types (X T U : {set O}) (r : O -> {set J}).

Definition neighbours r T : {set J} := \bigcup_(o in T) r o.
Definition hall r X : Prop := forall T, T \subset X -> #|T| <= #|neighbours r T|.
Definition represents r X (c : O -> J) : Prop := {in X &, injective c} /\ forall o, o \in X -> c o \in r o.

(* Halmos and Vaughan: either every proper subset has a neighbour to spare, or a tight one splits the problem *)
Lemma hall_on n : forall X r, #|X| <= n -> hall r X -> exists c, represents r X c.
Proof.
elim: n => [|n IH] X r Xn h.
  exists (fun=> j0); have -> : X = set0 by apply/eqP; rewrite -cards_eq0 -leqn0.
  by split=> [o o'|o]; rewrite inE.
case: (set_0Vmem X) => [X0|[x xX]]; first by apply: IH; rewrite // X0 cards0.
pose tight T := [&& T \proper X, T != set0 & #|neighbours r T| <= #|T|].
case: (pickP tight) => [T /and3P[TX T0 tT]|spare].
  have [c1 [i1 m1]] : exists c, represents r T c.
    apply: IH => [|U UT]; last by apply: h; apply: subset_trans UT (proper_sub TX).
    by rewrite -ltnS (leq_trans (proper_card TX)).
  have [c2 [i2 m2]] : exists c, represents (fun o => r o :\: neighbours r T) (X :\: T) c.
    apply: IH => [|U UX].
      rewrite -ltnS (leq_trans _ Xn) // proper_card //; apply/properP; split; first exact: subsetDl.
      have [y yT] := set0Pn _ T0; exists y; first exact: (subsetP (proper_sub TX)).
      by rewrite inE yT.
    have dUT : [disjoint U & T] by rewrite disjoint_sym; apply/setDidPl; apply/setP => y; rewrite !inE;
      case: (boolP (y \in U)) => //= yU; have := subsetP UX y yU; rewrite inE => /andP[/negbTE-> _].
    have hU := h (U :|: T); rewrite -(leq_add2r #|T|) -cardsUI.
    have -> : U :&: T = set0 by apply/eqP; rewrite setI_eq0.
    rewrite cards0 addn0; apply: leq_trans (hU _) _.
      by rewrite subUset (proper_sub TX) andbT (subset_trans UX) // subsetDl.
    apply: leq_trans (leq_add (leqnn _) tT).
    apply: leq_trans (subset_leq_card _) (leq_card_setU _ _); apply/subsetP => j /bigcupP[o oUT jo].
    rewrite inE; case: (boolP (j \in neighbours r T)) => jT; rewrite ?orbT ?orbF //.
    move: oUT; rewrite inE => /orP[oU|oT]; last by case/negP: jT; apply/bigcupP; exists o.
    by apply/bigcupP; exists o; rewrite // inE jT.
  exists (fun o => if o \in T then c1 o else c2 o); split=> [o o' oX o'X|o oX].
    have apart y z : y \in T -> z \in X -> z \notin T -> c1 y <> c2 z.
      move=> yT zX zT e; have := m2 z; rewrite !inE zX zT => /(_ isT)/andP[nT _].
      by case/negP: nT; rewrite -e; apply/bigcupP; exists y => //; exact: m1.
    case: (boolP (o \in T)) => oT; case: (boolP (o' \in T)) => o'T; first exact: i1.
    - by move/apart; case.
    - by move/esym/apart; case.
    by apply: i2; rewrite inE ?oT ?o'T.
  case: (boolP (o \in T)) => [/m1 //|oT].
  by have := m2 o; rewrite !inE oT oX => /(_ isT)/andP[].
have more T : T \subset X :\ x -> T != set0 -> #|T| < #|neighbours r T|.
  move=> TX T0; have := spare T; rewrite /tight T0 /= ltnNge => /negbT; rewrite negb_and => /orP[|-> //].
  case/negP; apply/properP; split; first exact: subset_trans TX (subsetDl _ _).
  by exists x => //; apply/negP => /(subsetP TX); rewrite !inE eqxx.
have [y yx] : exists y, y \in r x.
  apply/set0Pn; rewrite -card_gt0; have := h [set x]; rewrite sub1set xX cards1 /neighbours big_set1.
  exact.
have [c [ic mc]] : exists c, represents (fun o => r o :\ y) (X :\ x) c.
  apply: IH => [|T TX]; first by move: Xn; rewrite (cardsD1 x) xX.
  case: (eqVneq T set0) => [->|T0]; first by rewrite cards0.
  have := more T TX T0; rewrite (cardsD1 y (neighbours r T)) => lt.
  have le : #|T| <= #|neighbours r T :\ y| by case: (y \in _) lt => /=; [rewrite add1n ltnS | rewrite add0n => /ltnW].
  apply: leq_trans le (subset_leq_card _); apply/subsetP => j; rewrite inE => /andP[jy /bigcupP[o oT jo]].
  by apply/bigcupP; exists o => //; rewrite inE jy.
exists (fun o => if o == x then y else c o); split=> [o o' oX o'X|o oX]; last first.
  case: eqVneq => [-> //|ox]; have := mc o; rewrite !inE ox oX => /(_ isT)/andP[_]; exact.
case: (eqVneq o x) => [ox|ox]; case: (eqVneq o' x) => [o'x|o'x]; first by rewrite ox o'x.
- by move=> e; have := mc o'; rewrite !inE o'x o'X -e eqxx => /(_ isT).
- by move=> e; have := mc o; rewrite !inE ox oX e eqxx => /(_ isT).
by apply: ic; rewrite !inE ?ox ?o'x.
Qed.

Theorem hall_theorem (r : O -> {set J}) : (forall T : {set O}, #|T| <= #|neighbours r T|) ->
  exists c : O -> J, injective c /\ forall o, c o \in r o.
Proof.
move=> h; have [|c [ic mc]] := @hall_on #|[set: O]| [set: O] r (leqnn _); first by move=> T _; exact: h.
by exists c; split=> [o o'|o]; [apply: ic; rewrite inE|apply: mc; rewrite inE].
Qed.
End Hall.
