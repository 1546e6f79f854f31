"""Common given names of the languages whose marketplaces this serves, case-folded: those that are no everyday word.

Drawn up by hand from general knowledge, some 30 of women and 30 of men a language. A longer list finds more persons and
takes more products: "Rose", "Iris", "Mercedes", "Max", "Victoria" are left out on purpose.
"""

from __future__ import annotations

_NAMES = """
# English
james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark donald
steven andrew paul joshua kenneth kevin brian george timothy ronald edward jason jeffrey ryan jacob gary nicholas eric
jonathan stephen larry justin scott brandon benjamin samuel gregory patrick alexander jack dennis mary patricia
jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty margaret sandra ashley kimberly emily
donna michelle carol amanda melissa deborah stephanie rebecca sharon laura cynthia kathleen amy angela shirley anna
brenda pamela emma nicole helen samantha katherine christine debra rachel carolyn janet jane catherine heather diane
olivia julie joyce oliver harry charlotte sophie lucy chloe megan hannah
# German
hans peter wolfgang klaus jürgen juergen dieter manfred uwe günter guenter horst bernd frank rainer stefan andreas
martin matthias christian markus sebastian tobias florian jan lukas lukáš niklas jonas heinz werner gerhard helmut
karl friedrich ulrich joachim holger ralf sven torsten ursula monika petra sabine renate helga karin brigitte ingrid
erika andrea gisela claudia susanne birgit heike kerstin anja katrin katharina julia lena lea leonie annika franziska
silke ute martina elke gabriele
# French
jean pierre michel andré philippe alain bernard jacques françois francois christophe nicolas laurent julien guillaume
olivier sébastien sebastien frédéric frederic stéphane stephane antoine mathieu thierry éric marie nathalie isabelle
sylvie françoise francoise valérie valerie céline celine aurélie aurelie sandrine véronique veronique émilie emilie
camille hélène helene élodie elodie monique
# Spanish, Portuguese
antonio josé jose manuel francisco juan miguel carlos javier luis rafael alejandro fernando pablo sergio jorge alberto
álvaro alvaro diego adrián adrian enrique joão joao pedro tiago rui ricardo carmen maría maria josefa isabel dolores
pilar teresa ana cristina marta lucía lucia elena raquel patrícia beatriz inês ines mariana fernanda
# Italian
giuseppe giovanni mario luigi francesco angelo vincenzo salvatore marco alessandro stefano roberto paolo luca matteo
lorenzo davide simone giulia francesca chiara federica silvia valentina paola alessandra giovanna elisa
# Dutch, Swedish, Danish, Norwegian, Finnish
johannes cornelis willem hendrik jeroen maarten pieter bas sander anneke marieke femke saskia sanne ingeborg erik lars
anders mikael johan per nils olof gunnar björn bjorn magnus fredrik gustav henrik søren soren jens morten rasmus niels
kristina margareta eva birgitta malin åsa asa sofia hanna mette hanne kirsten astrid matti timo juha kari päivi paivi
# Polish, Czech
piotr krzysztof andrzej tomasz paweł pawel marcin michał michal grzegorz łukasz lukasz katarzyna małgorzata agnieszka
ewa magdalena joanna jakub tomáš jana lenka
# Turkish, Arabic, in Latin letters
mehmet mustafa ahmet ali hüseyin huseyin hasan ibrahim ayşe ayse fatma emine hatice zeynep mohammed muhammad mohamed
ahmed youssef omar khalid aisha fatima
# Russian, in Latin and Cyrillic letters
dmitri dmitry sergei sergey alexei vladimir igor oleg natalia svetlana olga tatiana иван дмитрий сергей алексей
владимир александр андрей анна мария елена ольга наталья татьяна
# Japanese, Chinese, Indian, in Latin letters
hiroshi takashi kenji satoshi yuki haruto takeshi akiko keiko yoko naoko tomoko wei xiaoming rahul amit sanjay rajesh
priya deepak anjali sunita
"""

GIVEN_NAMES = frozenset(name for line in _NAMES.splitlines() if not line.startswith("#") for name in line.split())
