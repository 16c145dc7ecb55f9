(* Structures that mathcomp 2 builds in another way than mathcomp 1, written as there; and nothing else is needed: the
   names of lemmas are those of mathcomp 2. Of this folder and mathcomp_1, the one that compiles is used. *)
From mathcomp Require Import all_ssreflect all_algebra.

Notation "[ 'finType' 'of' T ]" := (Finite.clone T%type _) (at level 0, format "[ 'finType'  'of'  T ]") : form_scope.
Notation ordinal_finType n := (Finite.clone 'I_n _) (only parsing).
