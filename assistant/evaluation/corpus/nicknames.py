"""What people with these first names are called."""

from __future__ import annotations

from typing import Final

_LISTED: Final = """
Abigail Abby; Aleksandar Sascha; Alexandra Alex Sandra; Alexandria Lexi Alex; Andrea Andi; Angela Angie;
Angelica Angie; Annie Ann; Antonietta Toni; Antony Tony; Arthur Art Artie; Barbara Barb Babs; Benjamin Ben
Benny; Bernard Bernie; Bernadette Bernie; Beverley Bev; Beverly Bev; Burkhard Burki; Candace Candy;
Catherine Cathy Cath Kate; Charles Charlie Chuck; Charlotte Lottie Charlie; Christian Chris; Christine Chris
Chrissie Tina; Christopher Chris Kit; Clifford Cliff; Connor Con; Danielle Dani; Deanna Dee; Dennis Den;
Dominic Dom; Donald Don Donnie; Dorothy Dot Dottie; Douglas Doug; Edgar Ed; Edmund Ed Eddie; Edward Ed Ted
Eddie; Elizabeth Liz Beth Betty Lizzie; Emanuel Manny; Emily Em; Eugene Gene; Frances Fran; Francis Frank;
Frederick Fred Freddie; Frederic Fred; Gabriella Gabby; Geoffrey Geoff; George Georgie; Gerald Gerry Jerry;
Geraldine Gerry; Gilbert Gil; Giuseppe Peppe; Hannah Han; Hans-Günther Hansi; Hans-Josef Hajo; Harriet
Hattie; Heinz-Peter Heinzi; Helmut Helmi; Henriette Jette Henni; Henry Harry; Ingeborg Inge; Isabella Bella
Izzy; Isabell Isa; Jacqueline Jackie; Jaqueline Jackie; James Jim Jimmy Jamie; Janet Jan; Jeffrey Jeff;
Jennifer Jen Jenny; Jeremiah Jerry; Jeremy Jez; Jessica Jess; Joanne Jo; Johnathan Jon Johnny; Jonathan Jon
Jonny; Joseph Joe Joey; Josephine Jo Josie; Joshua Josh; Katharine Kate Kathy; Kathryn Kate Kathy; Kayleigh
Kay; Kenneth Ken Kenny; Kimberley Kim; Kimberly Kim; Konstantin Kosta; Kristina Kris; Kristopher Kris; Larry
Laz; Lawrence Larry; Leonard Len Lenny; Leonhard Leo; Leopoldine Poldi; Luitgard Luise; Malcolm Mal; Manuela
Manu; Margaret Maggie Peggy Meg; Margareta Grete; Matthias Matze; Mathew Matt; Matthew Matt; Maxwell Max;
Megan Meg; Melanie Mel; Melissa Mel Missy; Michael Mike Mick; Michelle Shelly; Mitchell Mitch; Mohammed Mo;
Mohammad Mo; Nancy Nan; Nathan Nate; Nathaniel Nate; Natalie Nat; Nicola Nicky; Nicolas Nick; Nicole Nikki;
Oliver Ollie; Pamela Pam; Patricia Pat Trish Patty; Patrick Pat Paddy; Philip Phil; Phillip Phil; Philipp
Phil; Rachel Rach; Randall Randy; Raymond Ray; Rebecca Becky Becca; Reinhard Reini; Robert Bob Rob Bobby;
Roberta Bobbie; Rodney Rod; Rosmarie Rosi; Rudolf Rudi; Russell Russ; Samantha Sam; Sandra Sandy; Sarah
Sally; Siegmar Siggi; Sigrid Siggi; Sigfried Siggi; Stanislaus Stani; Stefanie Steffi; Stephanie Steph;
Stephen Steve; Steven Steve; Stuart Stu; Susan Sue Susie; Susanna Susi; Susann Susi; Suzanne Sue Suzie;
Tabitha Tabby; Tadeusz Tadek; Tamara Tammy; Terence Terry; Terrence Terry; Teresa Tess Terry; Theres Resi;
Thomas Tom Tommy; Timothy Tim; Valerie Val; Victoria Vicky Tori; Vincenzo Enzo; Virginia Ginny; Walburga
Burgi; Walter Walt; Wilhelmine Minna; William Bill Will Billy; Willibald Willi; Zbigniew Zbyszek
"""

NICKNAMES: Final = {
    first: tuple(shorter) for first, *shorter in (entry.split() for entry in _LISTED.split(";"))
}
"""First name → what its bearer may be called."""
